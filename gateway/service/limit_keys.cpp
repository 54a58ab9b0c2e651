// Bounds on everything that comes from outside: each has a default, a key, a line in the manual (R16).
#include "service/config_keys.hpp"

namespace shifter::service {

const std::vector<Key<GatewayConfig>> & limit_keys() {
    using namespace readers;
    using C = GatewayConfig;
    using S = pull::GatewaySettings;
    using H = api::ServerLimits;
    using R = registry::RegistryLimits;
    using D = oci::DocumentLimits;
    using U = squash::Limits;
    const auto http = [](auto member) { return path(&C::server, member); };
    const auto registry = [](auto... members) { return path(&C::settings, &S::registry_limits, members...); };
    const auto unpack = [](auto member) { return path(&C::settings, &S::unpack_limits, member); };
    constexpr std::uint64_t terabyte = std::uint64_t{1} << 40U;
    static const std::vector<Key<C>> keys = {
        // Requests of clients.
        {"UrlBytes", "size 256 to 64K", "4K", "", "Longest path and query of a request.",
         size(http(&H::max_target_bytes), 256, 64U << 10U)},
        {"HeaderBytes", "size 1K to 1M", "24K", "",
         "All headers of a request; MUNGE credentials with registry logins are the largest. With UrlBytes it decides "
         "what a connection costs in memory: their sum and 4 KiB.",
         size(http(&H::max_header_bytes), 1U << 10U, 1U << 20U)},
        {"BodyBytes", "size 1K to 16M", "256K", "", "Largest body of a request.",
         size(http(&H::max_body_bytes), 1U << 10U, 16U << 20U)},
        {"Connections", "number 2 to 1000000", "16384", "", "Connections at one time, for each address of Listen.",
         number(http(&H::max_connections), 2, 1'000'000)},
        {"ConnectionsPerAddress", "number 1 to 1000000", "12288", "",
         "Connections at one time from one client address.",
         number(http(&H::max_connections_per_address), 1, 1'000'000)},
        {"IdleTimeout", "seconds, 1 to 3600", "15", "", "A connection on which nothing moves is closed.",
         duration(http(&H::idle_timeout), 1, 3600)},
        {"RequestTimeout", "seconds, 1 to 3600", "60", "",
         "A connection that finishes no request for so long is closed, whatever trickles.",
         duration(http(&H::request_timeout), 1, 3600)},
        {"HttpThreads", "number 0 to 256", "0", "", "Threads that serve requests; 0: two for each core, 2 to 8.",
         number(http(&H::threads), 0, 256)},
        {"AccountAge", "seconds, 0 to 3600", "5", "",
         "For so long the groups of an account are known before the account database is asked again: a change of "
         "groups "
         "holds after that time at the latest. 0: it is asked for every request.",
         duration(path(&C::account_age), 0, 3600)},
        // Pulls.
        {"HeartbeatTimeout", "seconds, 60 to 86400", "3600", "", "A pull that shows no life for so long is begun anew.",
         duration(path(&C::settings, &S::pull_policy, &catalog::PullPolicy::heartbeat_timeout), 60, 86'400)},
        {"PullLease", "seconds, 4 to 3600", "60", "",
         "A pull of another gateway, which shares the Database, is queued again when that gateway has given no sign of "
         "life for so long.",
         duration(path(&C::settings, &S::pull_lease), 4, 3600)},
        {"AclChangeDelay", "seconds, 0 to 3600", "10", "",
         "A changed list of readers is looked at when the last change is older.",
         duration(path(&C::settings, &S::pull_policy, &catalog::PullPolicy::acl_change_delay), 0, 3600)},
        // Registries.
        {"ConnectTimeout", "seconds, 1 to 600", "20", "", "To connect to a registry.",
         duration(registry(&R::connect_timeout), 1, 600)},
        {"StallTimeout", "seconds, 1 to 3600", "60", "",
         "A transfer slower than MinBytesPerSecond for so long is a broken one.",
         duration(registry(&R::stall_timeout), 1, 3600)},
        {"MinBytesPerSecond", "size 1 to 1G", "1024", "", "See StallTimeout.",
         size(registry(&R::min_bytes_per_second), 1, 1U << 30U)},
        {"DocumentTimeout", "seconds, 1 to 3600", "120", "", "For a token, a manifest or a config as a whole.",
         duration(registry(&R::document_timeout), 1, 3600)},
        {"Attempts", "number 1 to 100", "6", "", "Tries of one exchange with a registry.",
         number(registry(&R::attempts), 1, 100)},
        {"FirstDelay", "milliseconds, 1 to 60000", "200", "",
         "Before the second try; each further delay is about twice as long.",
         duration(registry(&R::first_delay), 1, 60'000)},
        {"MaxDelay", "seconds, 1 to 3600", "30", "",
         "Longest delay between two tries, also when the registry asks for more.",
         duration(registry(&R::max_delay), 1, 3600)},
        {"Redirects", "number 0 to 20", "5", "", "Redirects that one exchange follows.",
         number(registry(&R::max_redirects), 0, 20)},
        {"Signatures", "number 1 to 1000", "32", "", "Most signatures beside one image that are looked at.",
         number(registry(&R::max_signatures), 1, 1000)},
        {"LayerBytes", "size 1M to 1P", "64G", "", "Largest layer, compressed.",
         size(registry(&R::max_layer_bytes), 1U << 20U, 1024 * terabyte)},
        {"DocumentBytes", "size 4K to 64M", "4M", "", "Largest index, manifest or config.",
         size(registry(&R::documents, &D::max_bytes), 4096, 64U << 20U)},
        {"DocumentDepth", "number 8 to 200", "32", "", "Deepest nesting of such a document.",
         number(registry(&R::documents, &D::max_depth), 8, 200)},
        {"DocumentValues", "number 100 to 10000000", "200000", "", "Most values in such a document.",
         number(registry(&R::documents, &D::max_values), 100, 10'000'000)},
        {"DocumentStringBytes", "size 1K to 16M", "1M", "", "Longest text in such a document.",
         size(registry(&R::documents, &D::max_string_bytes), 1024, 16U << 20U)},
        {"Layers", "number 1 to 100000", "1000", "", "Most layers of an image.",
         number(registry(&R::documents, &D::max_layers), 1, 100'000)},
        {"Manifests", "number 1 to 100000", "1000", "", "Most manifests of an index.",
         number(registry(&R::documents, &D::max_manifests), 1, 100'000)},
        // What users send.
        {"UploadBytes", "size 1M to 1P", "64G", "", "Largest archive or squashfs file that a user sends.",
         size(path(&C::settings, &S::max_upload_bytes), 1U << 20U, 1024 * terabyte)},
        {"Uploads", "number 0 to 1000", "4", "", "Images that one user may send at a time; 0: nobody may.",
         number(path(&C::settings, &S::most_uploads), 0, 1000)},
        {"UploadTimeout", "seconds, 10 to 86400", "600", "",
         "What was sent is dropped when no further piece comes for so long.",
         duration(path(&C::settings, &S::upload_timeout), 10, 86'400)},
        {"ImportMemory", "size 64M to 64G", "1G", "", "Memory of the process that reads a squashfs file of a user's.",
         size(path(&C::settings, &S::import_memory_bytes), 64U << 20U, std::uint64_t{64} << 30U)},
        {"ImportStallTimeout", "seconds, 1 to 3600", "60", "",
         "That process is ended when it gives nothing for so long.",
         duration(path(&C::settings, &S::import_stall_timeout), 1, 3600)},
        {"ExaminerTimeout", "seconds, 1 to 86400", "600", "", "For the site's examiner to look at one image.",
         duration(path(&C::settings, &S::examiner_timeout), 1, 86'400)},
        {"ExaminerSpace", "size 1M to 64T", "100G", "",
         "Most bytes that the unpacked files of one image take in CacheDirectory while it is examined, holes not "
         "counted; "
         "an image with more is refused.",
         size(path(&C::settings, &S::examiner_space_bytes), 1U << 20U, std::uint64_t{64} << 40U)},
        // Layers.
        {"Entries", "number 1 to 1000000000", "20000000", "", "Most entries in the layers of an image.",
         number(unpack(&U::max_entries), 1, 1'000'000'000)},
        {"UnpackedBytes", "size 1M to 1P", "1T", "", "Most bytes of all layers, unpacked.",
         size(unpack(&U::max_unpacked_bytes), 1U << 20U, 1024 * terabyte)},
        {"LayerUnpackedBytes", "size 1M to 1P", "512G", "", "Most bytes of one layer, unpacked.",
         size(unpack(&U::max_layer_unpacked_bytes), 1U << 20U, 1024 * terabyte)},
        {"PathBytes", "number 255 to 65535", "4095", "", "Longest path in an image.",
         number(unpack(&U::max_path_bytes), 255, 65'535)},
        {"PathDepth", "number 10 to 10000", "1000", "", "Deepest folder in an image.",
         number(unpack(&U::max_depth), 10, 10'000)},
        {"EntryHeaderBytes", "size 4K to 16M", "1M", "", "Extended headers of one entry of a layer.",
         size(unpack(&U::max_header_bytes), 4096, 16U << 20U)},
    };
    return keys;
}

const std::vector<Key<pull::LayerCacheSettings>> & layer_cache_keys() {
    using namespace readers;
    using L = pull::LayerCacheSettings;
    static const std::vector<Key<L>> keys{
        {"Size", "bytes up to 1P", "4G", "",
         "Of all entries together; the one that was not used for the longest time goes first. An image of 20,000 files "
         "takes about 3 MB. 0: no layer is kept or used.",
         size(path(&L::max_bytes), 0, std::uint64_t{1} << 50U)},
        {"Path", "absolute path", "CacheDirectory/layers", "",
         "A directory that only the service's account may enter (0700); it is made when it is not there. Several "
         "gateways may share it.",
         directory(path(&L::directory))},
    };
    return keys;
}

} // namespace shifter::service
