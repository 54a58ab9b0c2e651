/**
 * @file
 * The account database of this host: names and groups of a uid, by the name services that the site configured.
 */
#pragma once

#include "base/identity.hpp"

#include <optional>
#include <string>

namespace shifter::auth {

struct Account {
    std::string name;
    Identity identity; ///< with all supplementary groups
};

/** Nothing when there is no such account. @throws Error when the database does not answer. */
[[nodiscard]] std::optional<Account> find_account(uid_t uid);
[[nodiscard]] std::optional<Account> find_account(const std::string & name);
[[nodiscard]] std::optional<gid_t> find_group(const std::string & name);

} // namespace shifter::auth
