/**
 * @file
 * One use of a credential, for all gateways together (I32): each munged remembers only what its own host has seen.
 */
#pragma once

#include "auth/credential.hpp"
#include "catalog/catalog.hpp"

#include <memory>

namespace shifter::service {

/** Asks `inner`, and then the catalog, whether the credential was used before. `catalog` outlives it. */
[[nodiscard]] std::unique_ptr<auth::Authenticator> one_use_authenticator(std::unique_ptr<auth::Authenticator> inner,
                                                                         catalog::Catalog & catalog);

} // namespace shifter::service
