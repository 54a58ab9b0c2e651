/**
 * @file
 * A task that runs in the container directly, without `shifter` in front of its command: what changes in its
 * environment, and where it starts. The rules are those of `shifter` (contract 1.4 to 1.6).
 */
#pragma once

#include "request/run_request.hpp"
#include "site/image_record.hpp"
#include "site/site_config.hpp"
#include "slurm-plugin/submit.hpp"

#include <optional>
#include <string>
#include <vector>

namespace shifter::slurm_plugin {

/** A module's userhook. */
struct Hook {
    std::string module;
    std::string path;
    bool operator==(const Hook &) const = default;
};

struct TaskPlan {
    std::vector<Variable> set;          ///< variables with another value than before
    std::vector<std::string> unset;     ///< variables that do not pass into the container
    std::vector<std::string> before;    ///< words in front of the command: wrappers, an entry point
    std::vector<Hook> hooks;            ///< scripts that the container's shell runs first
    std::optional<std::string> workdir; ///< --workdir; nothing: where Slurm puts the task
};

/** @param environment of the step, NAME=VALUE. @throws Error */
[[nodiscard]] TaskPlan plan_task(const RunRequest & request, const ImageRecord & image, const SiteConfig & site,
                                 const std::vector<std::string> & environment);

/**
 * What shifter-task does before it becomes the command, as one variable's value: see counted_strings.hpp.
 * `command` is the first word of the command; the others it gets as arguments.
 */
[[nodiscard]] std::string encode_start(const TaskPlan & plan, const std::string & command);

/** Whether a command line calls `shifter` itself, which then does everything on its own. */
[[nodiscard]] bool calls_shifter(const char * command);

} // namespace shifter::slurm_plugin
