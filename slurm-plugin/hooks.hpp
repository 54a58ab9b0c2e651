/**
 * @file
 * Between Slurm's hooks: what they share, and the parts that dispatch.cpp calls. Private to shifter_slurm.so.
 */
#pragma once

#include "slurm-plugin/job.hpp"
#include "slurm-plugin/node_list.hpp"
#include "slurm-plugin/options.hpp"
#include "slurm-plugin/plugin_config.hpp"
#include "slurm-plugin/ssh_daemon.hpp"
#include "slurm-plugin/ssh_keys.hpp"
#include "slurm-plugin/step.hpp"
#include "slurm-plugin/submit.hpp"
#include "slurm-plugin/task.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

extern "C" {
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <slurm/spank.h> // its hooks have no extern "C" of their own
}

namespace shifter::slurm_plugin {

struct OptionName {
    Option option;
    const char * name;
    const char * long_name;
    const char * argument; ///< null: the option takes none
    const char * usage;
    bool argument_optional = false;
};

inline constexpr std::array option_names = {
    OptionName{Option::image, "image", "shifter.image", "[TYPE:]NAME",
               "container image of the job, found once, at submission"},
    OptionName{Option::volume, "volume", "shifter.volume", "FROM:TO[:FLAG];...",
               "bind mounts in the container; may be repeated"},
    OptionName{Option::mount, "mount", "shifter.mount", "type=bind,src=FROM,dst=TO[,ro]",
               "the same in docker's words; may be repeated"},
    OptionName{Option::module, "module", "shifter.module", "NAME,...", "modules of the site for the container"},
    OptionName{Option::run, "shifter-run", "shifter.run", "yes|no",
               "run tasks in the container, without shifter in front of the command", true},
    OptionName{Option::workdir, "workdir", "shifter.workdir", "PATH",
               "with --shifter-run: directory in the container; without a path, the image's", true},
    OptionName{Option::entrypoint, "entrypoint", "shifter.entrypoint", "COMMAND",
               "with --shifter-run: begin with the image's entry point, or with COMMAND", true},
    OptionName{Option::env, "env", "shifter.env", "NAME=VALUE",
               "with --shifter-run: a variable in the container; may be repeated"},
    OptionName{Option::ccm, "ccm", nullptr, nullptr, "not offered by this release"},
};

/** All that lives between two hooks of one process. */
struct State {
    PluginConfig config;
    std::string off;                ///< why the plugin does nothing; empty: it works
    std::optional<SiteConfig> site; ///< read when it is needed: other jobs do not pay for it (H10-1)
    Options options;
    std::optional<ImageRequest> first_request; ///< the first component's, and what was found for it
    std::optional<FixedImage> first_image;
    StepOptions step;

    // On a node.
    std::optional<privileged::JobRoot> held_root; ///< the extern step's: the job's root lives as long as this process
    bool enters = false;                          ///< the tasks of this step run in the container
    std::string failure; ///< why they cannot; told by each task, since only a task may fail (R13)
    std::optional<privileged::JobRoot> root;
    TaskPlan task;
    std::string task_program; ///< what Slurm executes in the place of the command's first word
};

[[nodiscard]] State & state();

void say_error(const std::string & sentence);

/** Runs a hook; what it throws becomes a line. */
template <class Action> int guarded(int on_failure, Action && action) noexcept {
    try {
        return action();
    } catch (const std::exception & error) {
        try {
            say_error(error.what());
        } catch (...) {
            ::slurm_error("shifter: out of memory");
        }
    } catch (...) {
        ::slurm_error("shifter: unknown failure");
    }
    return on_failure;
}

/** The arguments in plugstack.conf: each process reads them first; what is wrong with them turns the plugin off. */
void read_arguments(int count, char * arguments[]);
[[nodiscard]] const char * written_name(const OptionName & entry);
/** Slurm's name for the variable in which an option travels. */
[[nodiscard]] std::string option_variable(Option option);
/** The configuration, as a client reads it. @throws Error when the plugin is off */
[[nodiscard]] const SiteConfig & client_site();

/** In srun, sbatch and salloc, when all options are taken. */
[[nodiscard]] int submit(spank_t spank);

// On a node, as root; none of them fails (R13, I39).
void job_arrives(spank_t spank);
void job_leaves(spank_t spank);
void step_begins(spank_t spank);
/** In the extern step, when Slurm has made its process: starts the job's sshd. */
void extern_step_runs(spank_t spank);
// In a task: as root, then as the user. @throws Error: the task must end, with that line in the job's output
void task_enters(spank_t spank);
void task_starts(spank_t spank);

} // namespace shifter::slurm_plugin
