/**
 * @file
 * Which of a caller's logins go to a registry. Contract 7.7 with its hazards done right; I28, I36.
 */
#pragma once

#include "auth/credential.hpp"
#include "pull/source.hpp"

#include <optional>
#include <string>

namespace shifter::pull {

/** "user:password": the password is all that follows the first colon (H7-19). */
[[nodiscard]] registry::Credentials split_login(const std::string & text);

/**
 * The login for `source`: the one for its location or registry; "default" only for the default location (H7-18). The
 * password is all that follows the first colon (H7-19).
 */
[[nodiscard]] std::optional<registry::Credentials>
credentials_for(const Source & source, const auth::AuthorizedLocations & logins, const std::string & default_location);

/** Tells credentials apart without saying what they are: salted anew in each process, so that the catalog holds nothing
    that could be tried out elsewhere. Empty without credentials. */
[[nodiscard]] std::string credentials_mark(const std::optional<registry::Credentials> & credentials);

} // namespace shifter::pull
