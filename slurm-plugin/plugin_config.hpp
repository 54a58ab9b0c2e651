/**
 * @file
 * What the admin wrote behind the plugin's path in plugstack.conf. Contract 10.1.
 */
#pragma once

#include "base/expected.hpp"

#include <span>
#include <string>
#include <vector>

namespace shifter::slurm_plugin {

struct PluginConfig {
    std::string site_config;   ///< shifter_config=PATH; the installed udiRoot.conf by default
    bool long_options = false; ///< long_options: --shifter.image instead of --image, and so on
    bool autorun = false;      ///< autorun: tasks of jobs with an image run in it, unless --shifter-run=no
    bool sshd = false;         ///< enable_sshd: jobs with an image get an sshd of their own on each node
    unsigned first_sshd_port = 1204;
    unsigned last_sshd_port = 1204; ///< sshd_port: with a range, jobs on one node have different ports
    std::string sshd_address;       ///< sshd_address: where it listens; "%n" is the node's name; empty: everywhere
    std::string comment_field;      ///< image_comment: where the job's record tells the image; empty: nowhere
    std::vector<std::string> notes; ///< sentences for the admin: arguments that have no effect in this release
};

/**
 * Keys in any case but shifter_config, as deployed plugins read them; unknown arguments are noted and ignored.
 * Refused: a value that the key does not have. The plugin is then off, and says so to those who use an option of it.
 */
[[nodiscard]] Expected<PluginConfig> parse_plugin_arguments(std::span<const char * const> arguments);

} // namespace shifter::slurm_plugin
