/**
 * @file
 * Whether a registry takes a login. The login is shown to that registry alone (I28), and written nowhere (I36).
 */
#pragma once

#include "auth/credential.hpp"
#include "pull/gateway_settings.hpp"

#include <string>

namespace shifter::pull {

/**
 * Tries once, in at most some ten seconds: somebody waits.
 * @param location  a name of Locations, a registry that the site allows, or "default"
 * @param logins    holds the one for `location`
 * @return false when the registry lets everybody in, and so says nothing about the login
 * @throws RegistryError  Cause::denied when it is refused
 */
[[nodiscard]] bool check_login(const GatewaySettings & settings, const std::string & location,
                               const auth::AuthorizedLocations & logins);

} // namespace shifter::pull
