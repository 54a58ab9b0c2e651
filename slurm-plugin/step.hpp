/**
 * @file
 * What a step's tasks find in their environment, decided on the node, as root, from text that the user controls: it is
 * copied or parsed, and grants nothing (I38). `shifter` parses it again as the user.
 */
#pragma once

#include "slurm-plugin/submit.hpp"

#include <optional>
#include <string>
#include <vector>

namespace shifter::slurm_plugin {

/** Values of options as Slurm brought them to the node. */
struct StepOptions {
    std::optional<std::string> image{};
    std::optional<std::string> volumes{};
    std::optional<std::string> modules{};
    std::optional<std::string> run{}; ///< the word of --shifter-run
};

/**
 * The variables to set. What the submission fixed arrives as SLURM_SPANK_SHIFTER_*, also under --export=NONE; it is
 * given to the tasks as SHIFTER_*, unless they have such variables already. Options alone (a job submitted through
 * REST, where no plugin ran) are passed on as they are; text that cannot be parsed is left out.
 */
[[nodiscard]] std::vector<Variable> step_variables(const Environment & environment, const StepOptions & options);

} // namespace shifter::slurm_plugin
