/**
 * @file
 * What every role of the gateway needs before its work: directories that it may write to, its claim on the storage, the
 * catalog.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/storage_claim.hpp"
#include "service/gateway_config.hpp"

#include <memory>
#include <vector>

namespace shifter::service {

/** Makes CacheDirectory, and sees that this process may write to all that it must. @throws Error, with the key's name
 */
void prepare_directories(const GatewayConfig & config);

/** As long as they live, no gateway with another catalog publishes beside this one. @throws Error when one does */
[[nodiscard]] std::vector<catalog::StorageClaim> claim_storage(const GatewayConfig & config);

/** SQLite or PostgreSQL, as `Database` says. @throws Error, catalog::Unavailable */
[[nodiscard]] std::unique_ptr<catalog::Catalog> open_catalog(const GatewayConfig & config);

[[nodiscard]] catalog::Time wall_clock();

} // namespace shifter::service
