/**
 * @file
 * The table of keys of imagemanager.json, by the object that holds them.
 */
#pragma once

#include "service/gateway_config.hpp"
#include "service/key.hpp"

namespace shifter::service {

[[nodiscard]] const std::vector<Key<GatewayConfig>> & global_keys();
/** Platforms.<system> */
[[nodiscard]] const std::vector<Key<pull::System>> & platform_keys();
/** Platforms.<system>.local */
[[nodiscard]] const std::vector<Key<pull::System>> & local_keys();
/** Locations.<name> */
[[nodiscard]] const std::vector<Key<registry::Location>> & location_keys();
[[nodiscard]] const std::vector<Key<squash::Options>> & squashfs_keys();
[[nodiscard]] const std::vector<Key<GatewayConfig>> & limit_keys();
[[nodiscard]] const std::vector<Key<pull::LayerCacheSettings>> & layer_cache_keys();

} // namespace shifter::service
