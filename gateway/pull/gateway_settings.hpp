/**
 * @file
 * What the admin decided for the gateway: imagemanager.json, as values. service/gateway_config.cpp fills it; every key
 * has a row in docs/reference/imagemanager.json.md.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/publisher.hpp"
#include "registry/registry_client.hpp"
#include "squash/convert.hpp"

#include <chrono>
#include <map>
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
    oci::Platform platform = oci::Platform::of_this_machine();
};

/** Registries that no location names, which users may pull from (I29). */
struct RegistryPolicy {
    std::vector<std::string> allowed; ///< host[:port], or "*.example.org", or "*"; empty: only the configured locations
    std::vector<std::string> insecure; ///< of these, the ones spoken to by http
};

enum class ImportRight { nobody, listed, everybody };

struct GatewaySettings {
    std::map<std::string, System> systems;
    std::map<std::string, registry::Location> locations;
    std::string default_location = "docker.io";
    RegistryPolicy registries;
    std::chrono::seconds image_expiration{90 * 86400};
    std::string cache_directory;
    unsigned worker_threads = 2; ///< conversions at a time; registries are asked by threads of their own
    std::string worker_name;     ///< whose pulls a restart takes up again; empty: the host's name
    catalog::PullPolicy pull_policy;
    registry::RegistryLimits registry_limits;
    squash::Options squash;
    squash::Limits unpack_limits;
    ImportRight import_right = ImportRight::nobody;
    std::vector<std::string> importers; ///< names or uids
    bool metrics = false;
    bool suppress_acl_in_meta = false; ///< DISABLE_ACL_METADATA
};

} // namespace shifter::pull
