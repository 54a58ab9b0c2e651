/**
 * @file
 * What a container's passwd and group files say, made of what is known of the caller's account. Contract 5.6; I19.
 * Nothing in here is done as root.
 */
#pragma once

#include "base/identity.hpp"
#include "plan/account.hpp"

#include <optional>
#include <string>
#include <vector>

namespace shifter {

/** Whose files, and the site's rules for them. */
struct AccountQuestion {
    Identity caller;
    std::string etc_path;             ///< etcPath: the folder of the site's passwd and group
    bool generate = false;            ///< populateEtcDynamically
    unsigned max_group_count = 0;     ///< maxGroupCount
    std::vector<std::string> imports; ///< usersToImport
};

/** What name services, or the site's own files, know. */
struct KnownAccounts {
    std::optional<PasswdEntry> user;
    std::vector<PasswdEntry> imports; ///< as many as are asked for, in their order, where files are generated
    std::vector<GroupEntry> groups;   ///< of all of them, where files are generated
};

/** By etcPath/passwd and etcPath/group. @throws Error */
[[nodiscard]] KnownAccounts accounts_from_files(const AccountQuestion & question);
/**
 * What the name services would answer, where that can be read without them: nsswitch.conf(5) asks /etc/passwd and
 * /etc/group first, and all that is asked for stands there. A launch of a local user then loads no module, and waits
 * for no server. Nothing, in every other case.
 * @param etc  "/etc"; another one for tests
 */
[[nodiscard]] std::optional<KnownAccounts> local_accounts(AccountQuestion question, const std::string & etc);

/** The sentence about an import that does not exist. */
[[nodiscard]] std::string unknown_import(const std::string & name);

/**
 * @param source  for messages: who knows
 * @throws Error  for a caller without a name, a field that cannot stand in a passwd file, root
 */
[[nodiscard]] Account make_account(const AccountQuestion & question, const KnownAccounts & known,
                                   const std::string & source);

/** The account's three texts as one, on the way between two processes, and back. */
[[nodiscard]] std::string encode(const Account & account);
[[nodiscard]] Expected<Account> decode_account(std::string_view text);

/** The question as words after a program's name, and back. */
[[nodiscard]] std::vector<std::string> to_words(const AccountQuestion & question);
[[nodiscard]] Expected<AccountQuestion> parse_account_question(const std::vector<std::string> & words);

} // namespace shifter
