/**
 * @file
 * What the admin decided for the gateway: imagemanager.json, as values. service/gateway_config.cpp fills it; every key
 * has a row in docs/reference/imagemanager.json.md.
 */
#pragma once

#include "base/installed_paths.hpp"
#include "catalog/catalog.hpp"
#include "catalog/housekeeping.hpp"
#include "catalog/publisher.hpp"
#include "registry/registry_client.hpp"
#include "squash/convert.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shifter::pull {

/** One system that images are published for (contract 7.9, `Platforms`). */
struct System {
    std::string name;
    catalog::ImageStorage storage;
    std::string munge_socket;
    std::vector<std::string> admins; ///< account names, exact (H7-23)
    Platform platform = Platform::of_this_machine(); ///< the first of its platforms
    std::vector<Platform> more_platforms = {};       ///< see pull/platforms.hpp
    std::uint64_t high_water_bytes = 0; ///< images over this are evicted, the longest unused first; 0: never
    std::uint64_t low_water_bytes = 0;  ///< down to this; 0: to the high water
    /** Whose signatures images of registries need; null: the gateway's own policy, if there is one. */
    std::shared_ptr<const registry::SignaturePolicy> signature_policy = {};
};

/** What one person, or one primary group, may keep on a system; 0: without limit. */
struct Quotas {
    std::uint64_t user_images = 0;
    std::uint64_t user_bytes = 0;
    std::uint64_t group_images = 0;
    std::uint64_t group_bytes = 0;
};

/** Registries that no location names, which users may pull from (I29). */
struct RegistryPolicy {
    std::vector<std::string> allowed; ///< host[:port], or "*.example.org", or "*"; empty: only the configured locations
    std::vector<std::string> insecure; ///< of these, the ones spoken to by http
};

/** Layers that were converted before (docs/explanation/layer-cache.md). */
struct LayerCacheSettings {
    std::string directory;                             ///< set from CacheDirectory when the key is absent
    std::uint64_t max_bytes = std::uint64_t{4} << 30U; ///< 0: no cache
};

/** The scope of layers that a registry gives to everybody. */
inline constexpr const char * public_layers = "public";

enum class ImportRight { nobody, listed, everybody };

struct GatewaySettings {
    std::map<std::string, System> systems;
    std::map<std::string, registry::Location> locations;
    std::string default_location = "docker.io";
    RegistryPolicy registries;
    std::shared_ptr<const registry::SignaturePolicy> signature_policy = {}; ///< null: signatures are not looked at
    std::chrono::seconds image_expiration{90 * 86400};
    std::chrono::seconds removal_grace{86400};      ///< files stay for so long after their image is gone
    std::chrono::seconds autoexpire_interval{3600}; ///< 0: only when an admin says so
    Quotas quotas;
    std::string cache_directory;
    unsigned worker_threads = 2; ///< conversions at a time; registries are asked by threads of their own
    /** Up to so many compressed bytes a pull need not wait for large ones; 0: none. */
    std::uint64_t small_pull_bytes = std::uint64_t{64} << 20U;
    std::string worker_name; ///< whose pulls a restart takes up again; empty: the host's name
    /** Whether other gateways share the catalog: what each keeps in memory for itself must then be in it, sealed. */
    bool shares_catalog = false;
    bool converts = true;                ///< false: only takes requests; the pulls are for other gateways
    std::chrono::seconds pull_lease{60}; ///< another gateway's pull without a sign of life is queued again
    catalog::PullPolicy pull_policy;
    registry::RegistryLimits registry_limits;
    squash::Options squash;
    squash::Limits unpack_limits;
    std::uint64_t max_upload_bytes = std::uint64_t{64} << 30U; ///< of one image that a user sends
    unsigned most_uploads = 4;                                 ///< of one user at a time
    std::chrono::seconds upload_timeout{600};                  ///< without a piece
    std::string examiner; ///< program that looks at each new image, and may refuse it; empty: none
    std::chrono::seconds examiner_timeout{600};
    std::uint64_t examiner_space_bytes = std::uint64_t{100} << 30U; ///< of the files that it looks at
    /** Reads what users import. */
    std::string squashfs_reader = std::string{installed::libexecdir} + "/shifter-squashfs-reader";
    std::uint64_t import_memory_bytes = std::uint64_t{1} << 30U; ///< of that program
    std::chrono::seconds import_stall_timeout{60};               ///< it is ended when it gives nothing for so long
    ImportRight import_right = ImportRight::nobody;
    std::vector<std::string> importers; ///< names or uids
    LayerCacheSettings layer_cache;
    bool metrics = false;
    bool suppress_acl_in_meta = false; ///< DISABLE_ACL_METADATA
};

/** The policy that images of registries are held to on a system; null: none. */
[[nodiscard]] inline std::shared_ptr<const registry::SignaturePolicy>
signature_policy_of(const GatewaySettings & settings, const std::string & system) {
    const auto found = settings.systems.find(system);
    const bool has_own = found != settings.systems.end() && found->second.signature_policy;
    return has_own ? found->second.signature_policy : settings.signature_policy;
}

/** How images of `system` end. */
[[nodiscard]] inline catalog::HousekeepingRules housekeeping_rules(const GatewaySettings & settings,
                                                                   const System & system) {
    return {.expiration = settings.image_expiration,
            .grace = settings.removal_grace,
            .high_water_bytes = system.high_water_bytes,
            .low_water_bytes = system.low_water_bytes != 0 ? system.low_water_bytes : system.high_water_bytes};
}

} // namespace shifter::pull
