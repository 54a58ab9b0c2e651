/**
 * @file
 * What the admin decided: udiRoot.conf. Grammar and keys: contract section 3; one table of keys (site_config_keys.cpp)
 * gives the parser, the checker, the commented sample and the reference page.
 */
#pragma once

#include "base/image_request.hpp"
#include "site/volume_map.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shifter {

struct EnvironmentEdit {
    std::vector<std::pair<std::string, std::string>> set;     ///< siteEnv; values may be empty (H1-6)
    std::vector<std::pair<std::string, std::string>> append;  ///< siteEnvAppend, joined with ':'
    std::vector<std::pair<std::string, std::string>> prepend; ///< siteEnvPrepend
    std::vector<std::string> unset;                           ///< siteEnvUnset
    bool operator==(const EnvironmentEdit &) const = default;
};

/** A site module (contract 3.4). */
struct Module {
    std::string name;
    bool enabled = true;
    EnvironmentEdit environment;
    std::vector<Volume> site_fs;
    std::string copy_path;
    std::string root_hook;
    std::string user_hook;
    std::string wrapper;
    std::vector<std::string> conflicts;
    bool operator==(const Module &) const = default;
};

/** How an image's file is mounted. */
enum class ImageMount { automatic, kernel, fuse };

struct SiteConfig {
    std::string udi_mount;
    std::string loop_mount;
    std::string image_path;
    std::string udi_root_path;
    std::string etc_path;
    std::string rootfs_type = "tmpfs";
    std::string mkfs_xfs_path;
    std::string opt_udi_image;
    std::string site_pre_mount_hook;
    std::string site_post_mount_hook;
    std::vector<Volume> site_fs;
    EnvironmentEdit environment;
    std::vector<std::string> image_gateways;
    std::chrono::seconds gateway_timeout{0}; ///< 0: the client's own limit
    std::string system;
    std::optional<ImageType> default_image_type;
    std::vector<std::string> default_modules;
    std::map<std::string, Module> modules;
    bool allow_local_chroot = false;
    bool allow_libc_pwd_calls = false;
    bool populate_etc_dynamically = false;
    std::vector<std::string> users_to_import;
    unsigned max_group_count = 0; ///< 0: no limit (H5-9)
    Propagation mount_propagation = Propagation::private_;
    bool udi_root_writable = false;
    std::string per_node_cache_path;
    std::uint64_t per_node_cache_size_limit = 0;
    std::vector<std::string> per_node_cache_allowed_fs;

    // Beyond Shifter's keys; all have defaults.
    std::string gateway_user = "root";              ///< gatewayUser: account that may own imagePath and the files in it
    ImageMount image_mount = ImageMount::automatic; ///< imageMount: auto, kernel, fuse
    std::chrono::seconds launch_timeout{60}; ///< launchTimeout: a launch that takes longer ends with an error (R12)

    std::vector<std::string> user_mount_allow;  ///< userMountAllow: directories of the host that users may bind
    std::vector<std::string> user_mount_deny;   ///< userMountDeny: and those they may not; these win
    std::uint64_t tmpfs_size_limit = 1U << 30U; ///< tmpfsSizeLimit, in bytes; 0: the kernel's, half of the memory
    bool allow_writable_root = true;            ///< allowWritableRoot: --writable

    bool operator==(const SiteConfig &) const = default;
};

enum class Severity { warning, error };

/** One finding of the parser or the checker, with its place. */
struct ConfigProblem {
    Severity severity = Severity::error;
    std::string file;
    unsigned line = 0;
    std::string key;
    std::string what;                            ///< includes the nearest known key for an unknown one
    [[nodiscard]] std::string to_string() const; ///< "file:line: key: what"
};

struct ParsedSiteConfig {
    SiteConfig config;
    std::vector<ConfigProblem> problems;        ///< all of them, in file order
    [[nodiscard]] bool usable() const noexcept; ///< no problem of severity error
};

/** One text of a configuration and the name that messages give it. */
struct ConfigText {
    std::string name;
    std::string text;
};

/**
 * Reads the main file and drop-ins, in that order. Never throws for what the texts hold. At most 4 MiB each, and 100
 * problems. An unknown key is a warning, or an error where its name could grant something (H3-5); a configuration check
 * fails for both: `problems` is not empty.
 */
[[nodiscard]] ParsedSiteConfig parse_site_config(const std::vector<ConfigText> & texts);

/**
 * Loads `path` and the files named *.conf in the directory `path`.d, in the order of their bytes, each a TrustedFile
 * (I37). Problems of severity warning go to the log.
 * @throws Error  that states the problem when the configuration cannot be used; several go to the log, one a line,
 *                before it
 */
[[nodiscard]] SiteConfig load_site_config(const std::string & path);

/** The same without the ownership rule, for clients that run as the user (H3-1); an untrusted owner is a warning. */
[[nodiscard]] SiteConfig load_site_config_as_user(const std::string & path);

/**
 * The modules that a selection activates, in order, without duplicates. `none` in any case, or empty: no modules.
 * Refuses unknown and disabled modules and conflicts (contract 3.4).
 */
[[nodiscard]] Expected<std::vector<const Module *>> select_modules(const SiteConfig & site, std::string_view selection);

/** The commented sample configuration, and the reference page, as made from the table of keys. */
[[nodiscard]] std::string sample_site_config();
[[nodiscard]] std::string site_config_reference();

} // namespace shifter
