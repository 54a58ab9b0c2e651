#include "accounts/make_account.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "site/trusted_file.hpp"

#include <algorithm>

namespace shifter {
namespace {

constexpr std::size_t max_file = 64U << 20U;

std::vector<GroupEntry> site_groups(const AccountQuestion & question) {
    return parse_group(TrustedFile::open(question.etc_path + "/group").read(max_file));
}

/** Who is in the generated files (5.6, populateEtcDynamically=1): the caller, the site's imports, the stubs of H5-10.
 */
void generate_files(const AccountQuestion & question, const KnownAccounts & known, Account & account) {
    std::vector<PasswdEntry> entries = {*known.user};
    entries.insert(entries.end(), known.imports.begin(), known.imports.end());
    const auto has = [&](const char * name) {
        return std::any_of(entries.begin(), entries.end(), [&](const PasswdEntry & e) { return e.name == name; });
    };
    if (!has("root")) entries.push_back({"root", 0, 0, "root", "/root", "/bin/sh"});
    if (!has("nobody")) entries.push_back({"nobody", 65534, 65534, "nobody", "/", "/bin/false"});
    if (!has("sshd")) entries.push_back({"sshd", 65533, 65534, "sshd", "/var/empty", "/bin/false"});
    for (const PasswdEntry & entry : entries)
        account.passwd += format_passwd_line(entry).value_or_throw("cannot use the account " + quoted(entry.name));
    std::vector<GroupEntry> groups = known.groups;
    groups.push_back({"nogroup", 65534, {}});
    account.group = format_group_file(groups, account.name, question.caller.groups, question.max_group_count);
}

/** nsswitch.conf(5): is "files" what answers first for `database`, and finally, if it knows? */
bool asks_files_first(std::string_view nsswitch, std::string_view database) {
    for (const std::string_view line : text::split(nsswitch, '\n')) {
        const auto words = text::words(line.substr(0, line.find('#')));
        if (words.empty() || words[0] != std::string{database} + ":") continue;
        return words.size() > 1 && words[1] == "files" && (words.size() == 2 || words[2].front() != '[');
    }
    return false;
}

} // namespace

KnownAccounts accounts_from_files(const AccountQuestion & question) {
    const auto entries = parse_passwd(TrustedFile::open(question.etc_path + "/passwd").read(max_file));
    const auto find = [&](const auto & is_it) -> std::optional<PasswdEntry> {
        const auto found = std::find_if(entries.begin(), entries.end(), is_it);
        return found != entries.end() ? std::optional{*found} : std::nullopt;
    };
    KnownAccounts known;
    known.user = find([&](const PasswdEntry & entry) { return entry.uid == question.caller.uid; });
    if (!question.generate) return known;
    std::vector<gid_t> gids = {question.caller.gid};
    gids.insert(gids.end(), question.caller.groups.begin(), question.caller.groups.end());
    for (const std::string & name : question.imports) {
        auto entry = find([&](const PasswdEntry & e) { return e.name == name; });
        if (!entry) throw Error{unknown_import(name)};
        gids.push_back(entry->gid);
        known.imports.push_back(*std::move(entry));
    }
    const auto groups = site_groups(question);
    for (const gid_t gid : gids)
        for (const GroupEntry & group : groups)
            if (group.gid == gid) known.groups.push_back(group);
    return known;
}

std::optional<KnownAccounts> local_accounts(AccountQuestion question, const std::string & etc) try {
    // Which groups an import is in, all services together know.
    if (question.generate && !question.imports.empty()) return std::nullopt;
    const std::string nsswitch = TrustedFile::open(etc + "/nsswitch.conf").read(max_file);
    if (!asks_files_first(nsswitch, "passwd") || !asks_files_first(nsswitch, "group")) return std::nullopt;
    question.etc_path = etc;
    KnownAccounts known = accounts_from_files(question);
    if (!known.user) return std::nullopt;
    if (!question.generate) return known;
    const auto has_group = [&](gid_t gid) {
        return std::any_of(known.groups.begin(), known.groups.end(),
                           [&](const GroupEntry & g) { return g.gid == gid; });
    };
    const std::vector<gid_t> & groups = question.caller.groups;
    if (!has_group(question.caller.gid) || !std::all_of(groups.begin(), groups.end(), has_group)) return std::nullopt;
    return known;
} catch (const Error &) { // as where /etc/group is a link to somewhere else
    return std::nullopt;
}

std::string unknown_import(const std::string & name) {
    return "usersToImport names " + quoted(name) + ", which is no account";
}

Account make_account(const AccountQuestion & question, const KnownAccounts & known, const std::string & source) {
    const std::string uid = std::to_string(question.caller.uid);
    if (!known.user)
        throw Error{"uid " + uid + " has no name in " + source + "; ask your site to add the account there"};
    const PasswdEntry & user = *known.user;
    if (!format_passwd_line(user) || user.name.find_first_of("\"\\,/") != std::string::npos)
        throw Error{"the account of uid " + uid + " in " + source + " has a field that cannot stand in a passwd file"};
    if (user.name == "root") throw Error{"it is not for root: run it as an ordinary user"};
    Account account{user.name, {}, {}};
    if (question.generate)
        generate_files(question, known, account);
    else
        account.group =
            format_group_file(site_groups(question), user.name, question.caller.groups, question.max_group_count);
    return account;
}

std::string encode(const Account & account) {
    const std::string separator(1, '\0'); // no field can hold one
    return account.name + separator + account.passwd + separator + account.group;
}

Expected<Account> decode_account(std::string_view text) {
    const auto parts = text::split(text, '\0');
    if (parts.size() != 3 || parts[0].empty()) return ParseError{0, "it is no whole account"};
    return Account{std::string{parts[0]}, std::string{parts[1]}, std::string{parts[2]}};
}

std::vector<std::string> to_words(const AccountQuestion & question) {
    std::vector<std::string> groups;
    for (const gid_t gid : question.caller.groups) groups.push_back(std::to_string(gid));
    std::vector<std::string> words = {std::to_string(question.caller.uid),
                                      std::to_string(question.caller.gid),
                                      text::join(groups, ","),
                                      question.etc_path,
                                      question.generate ? "1" : "0",
                                      std::to_string(question.max_group_count)};
    words.insert(words.end(), question.imports.begin(), question.imports.end());
    return words;
}

Expected<AccountQuestion> parse_account_question(const std::vector<std::string> & words) {
    constexpr std::size_t fixed = 6;
    if (words.size() < fixed) return ParseError{0, "words are missing"};
    const auto uid = text::parse_unsigned<uid_t>(words[0]);
    const auto gid = text::parse_unsigned<gid_t>(words[1]);
    const auto max_group_count = text::parse_unsigned<unsigned>(words[5]);
    if (!uid || !gid || !max_group_count || (words[4] != "0" && words[4] != "1"))
        return ParseError{0, "a word is not of its kind"};
    AccountQuestion question{{*uid, *gid, {}}, words[3], words[4] == "1", *max_group_count, {}};
    for (const std::string_view word : text::split(words[2], ',')) {
        const auto group = text::parse_unsigned<gid_t>(word);
        if (!group && !words[2].empty()) return ParseError{0, "a group is not a number"};
        if (group) question.caller.groups.push_back(*group);
    }
    question.imports.assign(words.begin() + fixed, words.end());
    return question;
}

} // namespace shifter
