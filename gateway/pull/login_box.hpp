/**
 * @file
 * Logins on their way from the gateway that was asked to the one that pulls: sealed by MUNGE for this account alone, in
 * the catalog for as long as the pull lasts (I36). Of use where both have the site's key, and run as one uid.
 */
#pragma once

#include "catalog/types.hpp"
#include "pull/gateway_settings.hpp"

#include <optional>
#include <string>

namespace shifter::pull {

/** Empty when munged does not help: the login then stays in this process, as it does without a shared catalog. */
[[nodiscard]] std::string seal_login(const GatewaySettings & settings, const catalog::ImageKey & key,
                                     const registry::Credentials & login);

/** Nothing when there is none, or it cannot be opened here. */
[[nodiscard]] std::optional<registry::Credentials> unseal_login(const GatewaySettings & settings,
                                                                const catalog::ImageKey & key,
                                                                const std::optional<std::string> & sealed);

} // namespace shifter::pull
