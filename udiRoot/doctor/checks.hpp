/**
 * @file
 * The doctor's questions, by what they are about. None of them changes anything on the node.
 */
#pragma once

#include "doctor/finding.hpp"
#include "site/site_config_check.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace shifter::doctor {

/** The site's configuration as far as it can be read; checks of what it names are left out where it does not. */
struct Patient {
    std::string config_path;
    std::optional<SiteConfigCheck> check; ///< nothing: not readable, and `unreadable` says why
    std::string unreadable;
    [[nodiscard]] const SiteConfig * site() const noexcept { return check ? &check->content.config : nullptr; }
};

// site_checks.cpp
/** `site` is null where the configuration cannot be used. */
[[nodiscard]] Finding examine_set_id(const std::string & program, const SiteConfig * site);
/** Whether it belongs to root, has the bit, and lies where the bit counts. */
[[nodiscard]] bool has_set_id(const std::string & program) noexcept;
[[nodiscard]] Finding examine_helpers(const Patient & patient);
[[nodiscard]] Finding examine_config(const Patient & patient);
[[nodiscard]] Finding examine_image_path(const SiteConfig & site);
[[nodiscard]] Finding examine_images(const SiteConfig & site);
[[nodiscard]] Finding examine_mount_points(const SiteConfig & site);
[[nodiscard]] Finding examine_etc_path(const SiteConfig & site);
[[nodiscard]] Finding examine_space(const SiteConfig & site);

// kernel_checks.cpp; `how` is fuse, too, where shifter is not set-id
[[nodiscard]] Finding examine_squashfs(ImageMount how);
[[nodiscard]] Finding examine_decompressors(const SiteConfig & site, ImageMount how);
[[nodiscard]] Finding examine_overlay();
[[nodiscard]] Finding examine_loop(ImageMount how);
[[nodiscard]] Finding examine_fuse(ImageMount how);
/** A file of the kernel's; nothing when it cannot be opened. @throws Error when it has more than 16 MiB */
[[nodiscard]] std::optional<std::string> text_of(const std::string & path);
/** The codecs of the images in a directory, as squashfs numbers them, of those that can be read: of a thousand at most. */
[[nodiscard]] std::set<unsigned> codecs_in_use(const std::string & image_path);
/** Whether /proc/filesystems (its text) lists a file system. */
[[nodiscard]] bool lists_file_system(std::string_view text, std::string_view name);
/** Whether modules.dep or modules.builtin (its text) has a module of this name, compressed or not. */
[[nodiscard]] bool lists_module(std::string_view text, std::string_view name);

// gateway_checks.cpp
[[nodiscard]] Finding examine_munge();
[[nodiscard]] Finding examine_gateways(const SiteConfig & site);

// slurm_checks.cpp
/** `folder` holds slurm.conf and plugstack.conf; `plugin` is the file that this installation brought. */
[[nodiscard]] Finding examine_slurm(const std::string & folder, const std::string & plugin);
/** The plugin's path in a plugstack.conf, when a line names one of ours. */
[[nodiscard]] std::optional<std::string> plugin_in_plugstack(std::string_view text);
/** 0x160508 for "slurm-wlm 22.05.8"; nothing for other texts. */
[[nodiscard]] std::optional<unsigned> slurm_version_number(std::string_view text);

} // namespace shifter::doctor
