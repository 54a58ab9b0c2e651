#include "service/config_keys.hpp"

#include "auth/accounts.hpp"
#include "postgres/postgres.hpp"
#include "service/trusted_files.hpp"

#include <unistd.h>

namespace shifter::service {
namespace {

using namespace readers;
using C = GatewayConfig;
using S = pull::GatewaySettings;

template <class... Members> auto setting(Members... members) { return path(&C::settings, members...); }

bool is_absolute(const std::string & path) { return !path.empty() && path.front() == '/'; }

Refusal read_listen(const Value & value, C & config) {
    std::vector<std::string> texts;
    if (auto refusal = read_texts(value, texts)) return refusal;
    if (texts.empty()) return "names no address";
    config.listen.clear();
    for (const std::string & text : texts) {
        const auto address = api::ListenAddress::parse(text);
        if (!address) return quoted(text) + ": " + address.error().what;
        config.listen.push_back(*address);
    }
    return std::nullopt;
}

Refusal read_database(const Value & value, C & config) {
    if (auto refusal = read_text(value, config.database)) return refusal;
    if (postgres::is_address(config.database)) return std::nullopt;
    if (config.database.rfind("sqlite:", 0) == 0) config.database.erase(0, 7);
    if (!is_absolute(config.database))
        return "must be postgresql://…, or \"sqlite:\" and an absolute path, not " + quoted(value.scalar);
    return std::nullopt;
}

/** days:hours:minutes:seconds (contract 7.8). */
Refusal read_days(const Value & value, std::uint64_t & seconds) {
    std::string text;
    if (auto refusal = read_text(value, text)) return refusal;
    const auto pieces = text::split(text, ':');
    constexpr std::uint64_t units[] = {86'400, 3'600, 60, 1};
    seconds = 0;
    if (pieces.size() != 4) return "must be days:hours:minutes:seconds, not " + quoted(text);
    for (std::size_t i = 0; i < 4; ++i) {
        const auto number = text::parse_unsigned<std::uint32_t>(pieces[i]);
        if (!number || *number > 100'000) return "must be days:hours:minutes:seconds, not " + quoted(text);
        seconds += *number * units[i];
    }
    return std::nullopt;
}

Refusal read_expiration(const Value & value, C & config) {
    std::uint64_t seconds = 0;
    if (auto refusal = read_days(value, seconds)) return refusal;
    if (seconds == 0) return "must be longer than nothing";
    config.settings.image_expiration = std::chrono::seconds{seconds};
    return std::nullopt;
}

Refusal read_grace(const Value & value, C & config) {
    std::uint64_t seconds = 0;
    if (auto refusal = read_days(value, seconds)) return refusal;
    config.settings.removal_grace = std::chrono::seconds{seconds};
    return std::nullopt;
}

/** It becomes a column of the catalog, and a word of the log. */
Refusal read_worker_name(const Value & value, C & config) {
    auto & name = config.settings.worker_name;
    if (auto refusal = read_text(value, name)) return refusal;
    if (name.empty() || name.size() > 255 || name.find_first_of(" /") != std::string::npos)
        return "must be one word of at most 255 bytes, without \"/\", not " + quoted(name);
    return std::nullopt;
}

/** Contract 7.8, with H7-24 done right: an empty list is nobody. */
Refusal read_import_users(const Value & value, C & config) {
    auto & settings = config.settings;
    if (auto refusal = read_texts(value, settings.importers)) return refusal;
    const bool one_word = value.kind != Value::Kind::list && settings.importers.size() == 1;
    const std::string word = one_word ? settings.importers.front() : "";
    settings.import_right = settings.importers.empty() ? pull::ImportRight::nobody : pull::ImportRight::listed;
    if (word == "None" || word == "none" || word == "all") {
        settings.import_right = word == "all" ? pull::ImportRight::everybody : pull::ImportRight::nobody;
        settings.importers.clear();
    }
    return std::nullopt;
}

template <class Access> auto read_policy(Access access) {
    return [access](const Value & value, auto & target) -> Refusal { return read_policy_file(value, access(target)); };
}

Refusal read_format(const Value & value, C & /*config*/) {
    std::string text;
    if (auto refusal = read_text(value, text)) return refusal;
    if (text != "squashfs") return "must be squashfs, not " + quoted(text);
    return std::nullopt;
}

Refusal read_access_type(const Value & value, pull::System & /*system*/) {
    std::string text;
    if (auto refusal = read_text(value, text)) return refusal;
    if (text == "remote")
        return "remote transfer by ssh is not offered; mount the image directory here, and write local";
    if (text != "local") return "must be local, not " + quoted(text);
    return std::nullopt;
}

Refusal read_platforms(const Value & value, pull::System & system) {
    std::vector<std::string> texts;
    if (auto refusal = read_texts(value, texts)) return refusal;
    if (texts.empty()) return "names no platform";
    std::vector<Platform> platforms;
    for (const std::string & text : texts) {
        const auto platform = Platform::parse(text);
        if (!platform) return quoted(text) + ": " + platform.error().what;
        for (const Platform & other : platforms)
            if (other.means(*platform)) return quoted(text) + " means the same machines as " + other.to_string();
        platforms.push_back(*platform);
    }
    system.platform = platforms.front();
    system.more_platforms.assign(platforms.begin() + 1, platforms.end());
    return std::nullopt;
}

template <mode_t catalog::ImageStorage::*Mode, mode_t Allowed>
Refusal read_mode(const Value & value, pull::System & system) {
    std::string text;
    if (auto refusal = read_text(value, text)) return refusal;
    mode_t mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (error != std::errc{} || end != text.data() + text.size() || text.size() > 4 || (mode & ~Allowed) != 0 ||
        (mode & 0600U) != 0600U) {
        const std::string most = Allowed == 0644 ? "0644" : "0640";
        return "must be an octal mode from 0600 to " + most + ", not " + quoted(text);
    }
    system.storage.*Mode = mode;
    return std::nullopt;
}

Refusal read_group(const Value & value, pull::System & system) {
    std::string text;
    if (auto refusal = read_text(value, text)) return refusal;
    const auto number = text::parse_unsigned<gid_t>(text);
    const auto group = number ? number : auth::find_group(text);
    if (!group) return "there is no group " + quoted(text);
    system.storage.group = *group;
    return std::nullopt;
}

} // namespace

const std::vector<Key<C>> & global_keys() {
    static const std::vector<Key<C>> keys = {
        {"Platforms", "object", "required", "", "Systems that images are published for, by name: see below.", {}},
        {"Locations", "object", "docker.io", "", "Registries, by the name that references use: see below.", {}},
        {"DefaultImageLocation", "text", "docker.io", "\"docker.io\"",
         "The location of references that name no registry. It must be one of Locations.",
         text(setting(&S::default_location))},
        {"Listen", "address:port, or a list of them", "127.0.0.1:5000", "\"127.0.0.1:5000\"",
         "Where the service listens. There is no TLS; every request carries a MUNGE credential. Port 0: a free one, "
         "which the log and --port-file tell.",
         read_listen},
        {"CacheDirectory", "absolute path", "required", "\"/var/lib/shifter/cache\"",
         "Directory of the service alone; its last level is created with mode 0700.",
         directory(setting(&S::cache_directory))},
        {"Database", "sqlite:path or postgresql://…", "sqlite:CacheDirectory/catalog.sqlite", "",
         "The catalog of images and pulls. SQLite is for one gateway; with a PostgreSQL server, written as libpq takes "
         "it "
         "(postgresql://user@host/database), several gateways share catalog, queue and imageDir.",
         read_database},
        {"AllowedRegistries", "list of host[:port]", "empty", "[]",
         "Registries beyond Locations that users may name: exact, \"*.example.org\" for all names below, or \"*\" for "
         "every one.",
         texts(setting(&S::registries, &pull::RegistryPolicy::allowed))},
        {"InsecureRegistries", "list of host[:port]", "empty", "",
         "Those of AllowedRegistries that are spoken to by http.",
         texts(setting(&S::registries, &pull::RegistryPolicy::insecure))},
        {"ImageExpirationTimeout", "days:hours:minutes:seconds", "90:00:00:00", "\"90:00:00:00\"",
         "How long an image stays after the last lookup or pull, until autoexpire removes it.", read_expiration},
        {"AutoExpire", "seconds, 0 to 31536000", "3600", "",
         "How often images whose time is over are removed, and images over the high water; 0: only when an admin says "
         "shifterimg autoexpire.",
         duration(setting(&S::autoexpire_interval), 0, 31'536'000)},
        {"RemovalGrace", "days:hours:minutes:seconds", "1:00:00:00", "",
         "For so long the files of an image stay after it was removed, for jobs that have looked it up and nodes that "
         "have it mounted. What was looked up within this time is never evicted for space.",
         read_grace},
        {"UserImages", "number 0 to 1000000000", "0", "",
         "Most images that one user may keep on a system; 0: no limit.",
         number(setting(&S::quotas, &pull::Quotas::user_images), 0, 1'000'000'000)},
        {"UserBytes", "size 0 to 1E", "0", "", "Most bytes of images that one user may keep on a system; 0: no limit.",
         size(setting(&S::quotas, &pull::Quotas::user_bytes), 0, std::uint64_t{1} << 60U)},
        {"GroupImages", "number 0 to 1000000000", "0", "",
         "The same for all users of one primary group together; 0: no limit.",
         number(setting(&S::quotas, &pull::Quotas::group_images), 0, 1'000'000'000)},
        {"GroupBytes", "size 0 to 1E", "0", "", "The same for all users of one primary group together; 0: no limit.",
         size(setting(&S::quotas, &pull::Quotas::group_bytes), 0, std::uint64_t{1} << 60U)},
        {"PullUpdateTimeout", "seconds, 0 to 31536000", "300", "300",
         "For so long a pulled image, or the reason why it could not be pulled, is answered without asking the "
         "registry again.",
         duration(setting(&S::pull_policy, &catalog::PullPolicy::update_timeout), 0, 31'536'000)},
        {"SmallPullBytes", "size 0 to 1T", "64M", "",
         "Pulls of at most so many compressed bytes have one worker more, of their own: none of them waits for large "
         "ones. 0: none.",
         size(path(&C::settings, &S::small_pull_bytes), 0, std::uint64_t{1} << 40U)},
        {"WorkerThreads", "number 1 to 256", "2", "2", "Pulls at one time.",
         number(setting(&S::worker_threads), 1, 256)},
        {"WorkerName", "word", "the host's name", "",
         "Whose pulls a restart takes up again at once. Two gateways of one catalog on one host each need a name of "
         "their "
         "own.",
         read_worker_name},
        {"Authentication", "munge or mock", "munge", "",
         "mock is for tests: anybody may say who he is. It is refused unless the service listens on loopback alone.",
         choice(path(&C::authentication),
                std::vector<Word<Authentication>>{{"munge", Authentication::munge}, {"mock", Authentication::mock}})},
        {"AnonymousRead", "true or false", "false", "",
         "Whether requests without a credential may list and look up public images, as older gateways allowed.",
         flag(path(&C::anonymous_read))},
        {"StatusPage", "true or false", "true", "",
         "Whether /ui and /api/summary show public images, pulls of public images and the use of the storage to "
         "anybody who can reach the service.",
         flag(path(&C::status_page))},
        {"ImportUsers", "list of names or uids, all, or none", "none", "",
         "Who may bring squashfs files, by shifterimg import. An empty list is nobody.", read_import_users},
        {"Metrics", "true or false", "false", "", "Whether each lookup is recorded for GET /api/metrics.",
         flag(setting(&S::metrics))},
        {"LogLevel", "error, warn, info or debug", "info", "\"info\"", "Lines up to this level go to stderr.",
         choice(path(&C::log_level), std::vector<Word<log::Level>>{{"error", log::Level::error},
                                                                   {"critical", log::Level::error},
                                                                   {"warn", log::Level::warning},
                                                                   {"warning", log::Level::warning},
                                                                   {"info", log::Level::info},
                                                                   {"debug", log::Level::debug}})},
        {"DefaultImageFormat", "squashfs", "squashfs", "\"squashfs\"", "The format of published images.", read_format},
        {"Squashfs", "object", "see below", "", "How images are written: see below.", {}},
        {"Limits", "object", "see below", "", "Bounds on requests, registries and images: see below.", {}},
        {"LayerCache", "object", "see below", "", "Layers that were converted before: see below.", {}},
        {"SignaturePolicy", "absolute path", "none", "",
         "A policy.json as containers/image has it: which images need whose signature. Known are "
         "insecureAcceptAnything, reject, and sigstoreSigned with keyPath, keyPaths, keyData or keyDatas; a policy "
         "with "
         "anything else is refused. See docs/how-to/signed-and-examined.md.",
         read_policy(setting(&S::signature_policy))},
        {"examiner", "absolute path", "none", "",
         "A program that looks at each image before it is published: called as PROGRAM TREE ID, where TREE is the "
         "unpacked image, read-only. Any status but 0 fails the pull, with the last line that it wrote. See "
         "docs/how-to/signed-and-examined.md.",
         [](const Value & value, C & config) { return read_program(value, config.settings.examiner); }},
        {"ExpandDirectory", "ignored", "none", "", "Nothing is unpacked on disk.", {}},
        {"ConverterOptions", "ignored", "none", "", "Options of mksquashfs, which is not used; see Squashfs.", {}},
        {"MongoDBURI", "ignored", "none", "", "The catalog is in Database.", {}},
        {"MongoDB", "ignored", "none", "", "The catalog is in Database.", {}},
        {"PullUpdateTime", "ignored", "none", "", "PullUpdateTimeout alone decides.", {}},
        {"DefaultLustreReplication", "ignored", "none", "", "Striping is the file system's.", {}},
        {"DefaultOstCount", "ignored", "none", "", "Striping is the file system's.", {}},
    };
    return keys;
}

const std::vector<Key<pull::System>> & platform_keys() {
    using P = pull::System;
    static const std::vector<Key<P>> keys = {
        {"local", "object", "required", "", "Holds imageDir: see below.", {}},
        {"mungeSocketPath", "absolute path", "munged's default", "\"/run/munge/munge.socket.2\"",
         "Socket of the munged that checks this system's credentials.", directory(path(&P::munge_socket))},
        {"accesstype", "local", "local", "\"local\"", "How the image directory is reached.", read_access_type},
        {"admins", "list of account names", "empty", "[\"root\"]",
         "Who may expire images and read metrics; names are compared whole.", texts(path(&P::admins))},
        {"platform", "os/architecture[/variant], or a list of them", "that of the gateway", "",
         "For which machines images are taken of those under one tag. Of several, each node gets the image of its own; "
         "the first is for who does not say which he means. See docs/how-to/images.md.",
         read_platforms},
        {"PublicMode", "octal mode 0600 to 0644", "0644", "", "Mode of files of public images.",
         read_mode<&catalog::ImageStorage::public_mode, 0644>},
        {"PrivateMode", "octal mode 0600 to 0640", "0600", "",
         "Mode of files of private images. Nodes mount as root; where root is squashed, 0640 and Group let them.",
         read_mode<&catalog::ImageStorage::private_mode, 0640>},
        {"Group", "name or gid", "the service's own", "", "Group of the files.", read_group},
        {"HighWater", "size 0 to 1E", "0", "",
         "When the images have more bytes than this, the longest unused are removed until they have LowWater; 0: "
         "never.",
         size(path(&P::high_water_bytes), 0, std::uint64_t{1} << 60U)},
        {"LowWater", "size 0 to 1E", "HighWater", "", "See HighWater.",
         size(path(&P::low_water_bytes), 0, std::uint64_t{1} << 60U)},
        {"policy_file", "absolute path", "SignaturePolicy", "", "The same as SignaturePolicy, for this system.",
         read_policy(path(&P::signature_policy))},
        {"use_external", "ignored", "none", "", "Registries are read without outside tools.", {}},
        {"ssh", "ignored", "none", "", "Images are published to a mounted directory.", {}},
        {"host", "ignored", "none", "", "Images are published to a mounted directory.", {}},
        {"usergroupService", "ignored", "none", "", "Groups come from the account database.", {}},
        {"mountCommand", "ignored", "none", "", "Unused since ever.", {}},
    };
    return keys;
}

const std::vector<Key<pull::System>> & local_keys() {
    static const std::vector<Key<pull::System>> keys = {
        {"imageDir", "absolute path", "required", "\"/images\"",
         "Where images are published; imagePath of udiRoot.conf on the nodes. It belongs to the service's account.",
         directory(path(&pull::System::storage, &catalog::ImageStorage::directory))},
    };
    return keys;
}

const std::vector<Key<squash::Options>> & squashfs_keys() {
    using O = squash::Options;
    using squash::Codec, squash::Modes, squash::Owners, squash::Xattrs;
    static const std::vector<Key<O>> keys = {
        {"Codec", "zstd, gzip, lz4 or xz", "zstd", "", "Compression of blocks.",
         choice(path(&O::codec),
                std::vector<Word<Codec>>{
                    {"zstd", Codec::zstd}, {"gzip", Codec::gzip}, {"lz4", Codec::lz4}, {"xz", Codec::xz}})},
        {"Level", "number 1 to 22", "3", "", "Compression level of the codec.", number(path(&O::level), 1, 22)},
        {"BlockSize", "power of two, 4K to 1M", "64K", "", "Size of a block before compression.",
         [](const Value & value, O & options) -> Refusal {
             std::uint64_t bytes = 0;
             if (auto refusal = read_size(value, 4096, 1U << 20U, bytes)) return refusal;
             if ((bytes & (bytes - 1)) != 0) return "must be a power of two, not " + std::to_string(bytes);
             options.block_bytes = static_cast<std::uint32_t>(bytes);
             return std::nullopt;
         }},
        {"Owners", "squash or keep", "squash", "", "All files of root, or owners as in the layers.",
         choice(path(&O::owners), std::vector<Word<Owners>>{{"squash", Owners::squash}, {"keep", Owners::keep}})},
        {"Modes", "readable or keep", "readable", "",
         "Files readable for everybody (a+rX,u+w), or modes as in the layers.",
         choice(path(&O::modes), std::vector<Word<Modes>>{{"readable", Modes::readable}, {"keep", Modes::keep}})},
        {"Xattrs", "none or user", "none", "", "Extended attributes of the user namespace, or none.",
         choice(path(&O::xattrs), std::vector<Word<Xattrs>>{{"none", Xattrs::none}, {"user", Xattrs::user}})},
        {"Threads", "number 0 to 1024", "0", "", "Compressors of one pull; 0: one for each core.",
         number(path(&O::threads), 0, 1024)},
        {"ParallelLayers", "number 1 to 64", "4", "", "Layers of one pull that are downloaded and decoded ahead.",
         number(path(&O::parallel_layers), 1, 64)},
    };
    return keys;
}

} // namespace shifter::service
