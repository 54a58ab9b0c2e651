#include "slurm-plugin/task.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "command/choice.hpp"
#include "command/environment.hpp"
#include "slurm-plugin/counted_strings.hpp"

#include <map>
#include <string_view>

namespace shifter::slurm_plugin {

TaskPlan plan_task(const RunRequest & request, const ImageRecord & image, const SiteConfig & site,
                   const std::vector<std::string> & environment) {
    const std::string selection = request.modules ? *request.modules : text::join(site.default_modules, ",");
    const auto modules = select_modules(site, selection).value_or_throw("cannot use the modules " + quoted(selection));
    const command::Environment composed = command::compose_environment(
        {.host = environment, .image = image, .request = request, .file = {}, .modules = modules, .site = site});
    TaskPlan plan;
    for (const Module * const module : modules)
        if (!module->user_hook.empty()) plan.hooks.push_back({module->name, module->user_hook});
    RunRequest with_command = request;
    with_command.command = {"command"}; // Slurm's commands always name one, so the image's CMD is never asked for
    plan.before = command::choose_command(with_command, image);
    plan.before.pop_back();
    const std::vector<std::string> wrappers = command::wrappers_of(modules);
    plan.before.insert(plan.before.begin(), wrappers.begin(), wrappers.end());
    std::map<std::string_view, std::string_view> before;
    for (const std::string & entry : environment)
        if (const std::size_t equals = entry.find('='); equals != std::string::npos && equals > 0)
            before.emplace(std::string_view{entry}.substr(0, equals), std::string_view{entry}.substr(equals + 1));
    for (const std::string & entry : composed.entries()) {
        const std::size_t equals = entry.find('=');
        const std::string name = entry.substr(0, equals);
        const std::string value = entry.substr(equals + 1);
        const auto known = before.find(name);
        if (known == before.end() || known->second != value) plan.set.push_back({name, value});
    }
    for (const auto & [name, value] : before)
        if (composed.find(name) == nullptr) plan.unset.emplace_back(name);
    if (request.workdir.given) plan.workdir = command::choose_workdir(request, image);
    return plan;
}

std::string encode_start(const TaskPlan & plan, const std::string & command) {
    std::vector<std::string> strings = {std::to_string(plan.hooks.size())};
    for (const Hook & hook : plan.hooks) {
        strings.push_back(hook.module);
        strings.push_back(hook.path);
    }
    strings.insert(strings.end(), plan.before.begin(), plan.before.end());
    strings.push_back(command);
    return encode_strings(strings);
}

bool calls_shifter(const char * command) {
    if (command == nullptr) return false;
    const std::string_view text{command};
    return text.substr(text.rfind('/') + 1) == "shifter"; // npos + 1 is 0
}

} // namespace shifter::slurm_plugin
