#include "slurm-plugin/step.hpp"

#include <array>

namespace shifter::slurm_plugin {
namespace {

const std::string fixed_prefix = "SLURM_SPANK_";

void add_image(std::vector<Variable> & variables, const Environment & environment,
               const std::optional<std::string> & option) {
    // Type and tag are read one by one (contract 1.2): a group, so that those of two images never mix.
    if (environment("SHIFTER_IMAGE") && environment("SHIFTER_IMAGETYPE")) return;
    if (environment(fixed_prefix + "SHIFTER_IMAGE") && environment(fixed_prefix + "SHIFTER_IMAGETYPE")) {
        for (const char * const name : {"SHIFTER_IMAGE", "SHIFTER_IMAGETYPE", "SHIFTER_IMAGEREQUEST"})
            if (auto value = environment(fixed_prefix + name)) variables.push_back({name, std::move(*value)});
    } else if (option) {
        if (const auto request = ImageRequest::parse(*option, std::nullopt)) {
            variables.push_back({"SHIFTER_IMAGE", request->tag});
            variables.push_back({"SHIFTER_IMAGETYPE", std::string{to_string(request->type)}});
            variables.push_back({"SHIFTER_IMAGEREQUEST", request->tag});
        }
    }
}

void add_text(std::vector<Variable> & variables, const Environment & environment, const char * name,
              const std::optional<std::string> & option) {
    if (environment(name)) return;
    if (auto value = environment(fixed_prefix + name)) {
        variables.push_back({name, std::move(*value)});
    } else if (option) {
        variables.push_back({name, *option});
    }
}

} // namespace

std::vector<Variable> step_variables(const Environment & environment, const StepOptions & options) {
    std::vector<Variable> variables;
    add_image(variables, environment, options.image);
    add_text(variables, environment, volume_variable, options.volumes);
    add_text(variables, environment, module_variable, options.modules);
    return variables;
}

} // namespace shifter::slurm_plugin
