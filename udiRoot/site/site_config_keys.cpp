#include "site/site_config_keys.hpp"

#include "site/setters.hpp"

#include <array>

namespace shifter {
namespace {

using namespace setters;

constexpr bool required = true;
constexpr bool optional = false;
constexpr bool live = true;
constexpr bool shown = false;

Refusal read_size(std::uint64_t & size, std::string_view value) {
    const auto bytes = text::parse_size(value);
    if (!bytes) return quoted(value) + " is not a size; write for example 100G";
    size = *bytes;
    return std::nullopt;
}

/** A word that becomes a part of a URL, or the name of an account. */
Refusal read_word(std::string & word, std::string_view value) {
    constexpr std::string_view marks = "._-";
    const auto is_plain = [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               marks.find(c) != std::string_view::npos;
    };
    if (!std::all_of(value.begin(), value.end(), is_plain) || value.size() > 128)
        return quoted(value) + " is not a name; names have letters, digits, '.', '_' and '-'";
    word = value;
    return std::nullopt;
}

Refusal read_image_type(std::optional<ImageType> & type, std::string_view value) {
    type = image_type_named(value);
    if (!type) return quoted(value) + " is none of: docker, custom, id, local";
    return std::nullopt;
}

Refusal read_module_names(std::vector<std::string> & names, std::string_view value) {
    names.clear();
    for (const std::string_view piece : text::split(value, ','))
        if (const std::string_view name = text::trim(piece); !name.empty()) names.emplace_back(name);
    return std::nullopt;
}

/** For tools that this implementation does by system calls: any value will do (H3-8). */
Refusal take_anything(SiteConfig & /*config*/, std::string_view /*value*/) { return std::nullopt; }

std::vector<ConfigKey> make_keys() {
    using C = SiteConfig;
    std::vector<ConfigKey> keys;
    keys.reserve(64); // as many as there are, and some
    std::string_view g = "Places";
    keys.push_back({g, "udiMount", "path", "", required, "/var/udiMount", live,
                    "Where the container root is mounted on a node. Created if it is missing.", path(&C::udi_mount)});
    keys.push_back({g, "loopMount", "path", "", required, "/var/udiLoopMount", live,
                    "Where the image file is mounted on a node. Created if it is missing.", path(&C::loop_mount)});
    keys.push_back({g, "imagePath", "path", "", required, "/images", live,
                    "Directory of the image files and their records, where the gateway publishes. It, what is in it, "
                    "and every directory above must be owned by root or gatewayUser, and writable by nobody else.",
                    path(&C::image_path)});
    keys.push_back({g, "udiRootPath", "path", "", required, "/usr/local", live,
                    "Prefix of the installation: bin/shifterimg is found below.", path(&C::udi_root_path)});
    keys.push_back({g, "etcPath", "path", "", required, "/etc/shifter/shifter_etc_files", live,
                    "Site files for /etc in the container: passwd, group, nsswitch.conf. Its passwd also serves "
                    "look-ups when allowLibcPwdCalls is 0.",
                    path(&C::etc_path)});
    keys.push_back(
        {g, "optUdiImage", "path", "", optional, "/usr/libexec/shifter/opt/udiImage", shown,
         "Tree whose entries are shown, read-only, in /opt/udiImage of the container. It and every directory above "
         "must be owned by root and writable by nobody else.",
         path(&C::opt_udi_image)});
    keys.push_back({g, "rootfsType", "tmpfs or ramfs", "tmpfs", optional, "tmpfs", shown,
                    "File system of the container root.",
                    choice(&C::rootfs_type, {{"tmpfs", "tmpfs"}, {"ramfs", "ramfs"}})});

    g = "Images";
    keys.push_back({g, "imageGateway", "URLs; lines add up", "", optional, "http://127.0.0.1:5000", live,
                    "Gateways, tried in random order.", accumulated(&C::image_gateways, read_urls)});
    keys.push_back({g, "gatewayTimeout", "seconds, 0 to 86400", "0", optional, "10", shown,
                    "Limit for one request of the client; 0 leaves it to the client.",
                    number(&C::gateway_timeout, 0, 86400)});
    keys.push_back({g, "system", "name", "", optional, "mycluster", live,
                    "The platform's name in the URLs of the gateway. Clients need it.", scalar(&C::system, read_word)});
    keys.push_back({g, "defaultImageType", "docker, custom, id or local", "", optional, "docker", live,
                    "Type of an image name that does not say its type.",
                    scalar(&C::default_image_type, read_image_type)});
    keys.push_back({g, "allowLocalChroot", "boolean", "0", optional, "0", shown,
                    "Permits images of type local, which are directories of the node.",
                    boolean(&C::allow_local_chroot)});
    keys.push_back({g, "gatewayUser", "name in /etc/passwd, or number", "root", optional, "shifter", live,
                    "Account of the gateway: the one that may own imagePath and the files in it, besides root.",
                    scalar(&C::gateway_user, read_word)});
    keys.push_back(
        {g, "imageMount", "auto, kernel or fuse", "auto", optional, "auto", shown,
         "How an image file is mounted: by the kernel, or by squashfuse; auto takes the kernel where it can.",
         choice(&C::image_mount,
                {{"auto", ImageMount::automatic}, {"kernel", ImageMount::kernel}, {"fuse", ImageMount::fuse}})});
    keys.push_back({g, "launchTimeout", "seconds, 1 to 3600", "60", optional, "60", shown,
                    "A launch that takes longer ends with an error.", number(&C::launch_timeout, 1, 3600)});

    g = "The container's view";
    keys.push_back({g, "siteFs", "volume map; lines add up", "", optional, "/home:/home", live,
                    "Directories of the host that every container sees: from:to[:flag...], with ';' between entries. "
                    "Flags: ro, rec, slave, private, perNodeCache. Where 'to' is left out it is 'from'.",
                    accumulated(&C::site_fs, read_volumes)});
    keys.push_back(
        {g, "mountPropagationStyle", "private or slave", "private", optional, "private", shown,
         "Propagation of binds that do not say their own.",
         choice(&C::mount_propagation, {{"private", Propagation::private_}, {"slave", Propagation::slave}})});
    keys.push_back({g, "mountUdiRootWritable", "boolean", "0", optional, "0", shown,
                    "1 leaves the container root writable for root; 0 makes it read-only before the command starts.",
                    boolean(&C::udi_root_writable)});
    keys.push_back(
        {g, "sitePreMountHook", "path", "", optional, "/etc/shifter/premount.sh", shown,
         "Program that runs as root, in the directory that becomes the container's root, before the site's "
         "volumes are mounted. One that is executable and begins with #! is executed itself, any other by /bin/sh; "
         "it and every directory above must be owned by root and writable by nobody else.",
         path(&C::site_pre_mount_hook)});
    keys.push_back({g, "sitePostMountHook", "path", "", optional, "/etc/shifter/postmount.sh", shown,
                    "The same, after the site's volumes are mounted.", path(&C::site_post_mount_hook)});
    keys.push_back({g, "defaultModules", "names, commas between", "", optional, "", shown,
                    "Modules that are active where the user names none.",
                    scalar(&C::default_modules, read_module_names)});

    g = "What users may add";
    keys.push_back({g, "userMountAllow", "directories, blanks between; lines add up", "", optional, "/scratch /data",
                    shown,
                    "Directories of the host below which users may bind whatever they can reach themselves. Without "
                    "it they bind what siteFs and the image show.",
                    accumulated(&C::user_mount_allow, read_directories)});
    keys.push_back({g, "userMountDeny", "directories, blanks between; lines add up", "", optional, "/data/private",
                    shown,
                    "Exceptions from userMountAllow, which win: neither they nor what is below or above them can be "
                    "bound. /proc, /sys and /dev cannot, either.",
                    accumulated(&C::user_mount_deny, read_directories)});
    keys.push_back({g, "tmpfsSizeLimit", "size", "1G", optional, "4G", shown,
                    "Upper bound of one tmpfs of --mount, and of what --writable can hold; also their size where the "
                    "user names none. 0 leaves it to the kernel: half of the node's memory.",
                    scalar(&C::tmpfs_size_limit, read_size)});
    keys.push_back({g, "allowWritableRoot", "boolean", "1", optional, "1", shown,
                    "Permits --writable: a root whose changes are kept in memory, and lost with the container.",
                    boolean(&C::allow_writable_root)});

    g = "Environment";
    keys.push_back({g, "siteEnv", "NAME=VALUE words; lines add up", "", optional, "SHIFTER_RUNTIME=1", live,
                    "Variables that are set. A value may be empty, and holds no blanks.",
                    environment<C>(&EnvironmentEdit::set, read_assignments)});
    keys.push_back({g, "siteEnvAppend", "NAME=VALUE words; lines add up", "", optional, "PATH=/opt/udiImage/bin", shown,
                    "Put behind what the variable holds, with ':' between.",
                    environment<C>(&EnvironmentEdit::append, read_assignments)});
    keys.push_back({g, "siteEnvPrepend", "NAME=VALUE words; lines add up", "", optional, "PATH=/opt/udiImage/bin",
                    shown, "Put in front of what the variable holds, with ':' between.",
                    environment<C>(&EnvironmentEdit::prepend, read_assignments)});
    keys.push_back({g, "siteEnvUnset", "names; lines add up", "", optional, "LD_PRELOAD", shown,
                    "Variables that are removed.", environment<C>(&EnvironmentEdit::unset, read_names)});

    g = "Accounts";
    keys.push_back({g, "allowLibcPwdCalls", "boolean", "0", optional, "1", live,
                    "1 asks the name services of the node for users and groups; 0 reads passwd in etcPath.",
                    boolean(&C::allow_libc_pwd_calls)});
    keys.push_back({g, "populateEtcDynamically", "boolean", "0", optional, "1", live,
                    "1 makes passwd, group and nsswitch.conf for each launch; 0 copies the files of etcPath.",
                    boolean(&C::populate_etc_dynamically)});
    keys.push_back({g, "usersToImport", "names; lines add up", "", optional, "", shown,
                    "Further accounts for the passwd and group that populateEtcDynamically makes.",
                    accumulated(&C::users_to_import, read_names)});
    keys.push_back({g, "maxGroupCount", "0 to 65536", "0", optional, "0", shown,
                    "How many groups list the user as a member; 0 is no limit.",
                    number(&C::max_group_count, 0, 65536)});

    g = "Node-local scratch (perNodeCache)";
    keys.push_back({g, "perNodeCachePath", "path", "", optional, "/scratch", shown,
                    "Directory of the backing files, which have no names. It must be owned by root, and writable by "
                    "nobody else unless it is sticky (mode 1777); every directory above as that of this file.",
                    path(&C::per_node_cache_path)});
    keys.push_back({g, "perNodeCacheSizeLimit", "size", "0", optional, "100G", shown,
                    "Upper bound of the caches of one launch together; 0 is no limit.",
                    scalar(&C::per_node_cache_size_limit, read_size)});
    keys.push_back({g, "perNodeCacheAllowedFsType", "words; lines add up", "", optional, "xfs", shown,
                    "File systems that a cache may have, of which there is xfs; without it, all.",
                    accumulated(&C::per_node_cache_allowed_fs, read_names)});
    keys.push_back({g, "mkfsXfsPath", "path", "", optional, "/sbin/mkfs.xfs", shown,
                    "mkfs.xfs of the host, which perNodeCache needs. Run as root without a capability, on a file "
                    "that nobody else can open.",
                    path(&C::mkfs_xfs_path)});

    g = "Accepted and not used";
    for (const std::string_view name : {"cpPath", "mvPath", "chmodPath", "ddPath", "modprobePath", "insmodPath"})
        keys.push_back({g, name, "path", "", optional, "", shown,
                        "Host tool that older releases called. It need not exist.", take_anything});
    keys.push_back({g, "batchType", "word", "", optional, "", shown, "Once told the batch system's scripts apart.",
                    take_anything});
    return keys;
}

std::vector<ModuleKey> make_module_keys() {
    using M = Module;
    return {
        {"siteEnv", "", "NAME=VALUE words", "As the global key, and applied before it.",
         environment<M>(&EnvironmentEdit::set, read_assignments)},
        {"siteEnvAppend", "", "NAME=VALUE words", "As the global key, and applied before it.",
         environment<M>(&EnvironmentEdit::append, read_assignments)},
        {"siteEnvPrepend", "", "NAME=VALUE words", "As the global key, and applied before it.",
         environment<M>(&EnvironmentEdit::prepend, read_assignments)},
        {"siteEnvUnset", "", "names", "As the global key, and applied before it.",
         environment<M>(&EnvironmentEdit::unset, read_names)},
        {"siteFs", "", "volume map; lines add up", "Mounted after the site's volumes.",
         accumulated(&M::site_fs, read_volumes)},
        {"copyPath", "copypath", "path",
         "Tree that is shown, read-only, at /opt/udiImage/modules/NAME/ in the container. Trusted as optUdiImage is.",
         path(&M::copy_path)},
        {"roothook", "", "path",
         "Program that runs as root, in the directory that becomes the container's root, when all of the site's is in "
         "it. Executed and trusted as sitePreMountHook is.",
         path(&M::root_hook)},
        {"userhook", "", "path",
         "Script that /bin/sh of the container runs, as the user and with the container's environment, before the "
         "command. The path is one of the container.",
         path(&M::user_hook)},
        {"wrapper", "", "path",
         "Program that is executed as the user in the place of the command, with the command's words as its arguments, "
         "and "
         "becomes it when it is done. The path is one of the container. That of the first module comes first.",
         path(&M::wrapper)},
        {"conflict", "", "names", "Modules that cannot be active together with this one.",
         replaced(&M::conflicts, read_names)},
        {"enabled", "", "boolean", "0 makes selecting the module an error. The default is 1.", boolean(&M::enabled)},
    };
}

} // namespace

const std::vector<ConfigKey> & site_config_keys() {
    static const std::vector<ConfigKey> keys = make_keys();
    return keys;
}

const std::vector<ModuleKey> & module_keys() {
    static const std::vector<ModuleKey> keys = make_module_keys();
    return keys;
}

const std::vector<IgnoredKey> & ignored_keys() {
    static const std::vector<IgnoredKey> keys = {
        {"kmodBasePath", "deprecated, and ignored: no kernel modules are loaded"},
        {"kmodCacheFile", "deprecated, and ignored: no kernel modules are loaded"},
        {"autoLoadKernelModule", "deprecated, and ignored: no kernel modules are loaded"},
        {"optionalSshdAsRoot", "deprecated, and ignored"},
        {"siteResources", "deprecated, and ignored: make GPU libraries visible by a module"},
        {"udiImagePath", "deprecated, and ignored: the key is optUdiImage now"},
        {"nodeContextPrefix", ""},
    };
    return keys;
}

} // namespace shifter
