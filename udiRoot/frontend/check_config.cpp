#include "frontend/check_config.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "site/site_config_check.hpp"

namespace shifter::frontend {
namespace {

std::string absolute(const std::string & path, const Host & host) {
    if (path.front() == '/') return path;
    return (host.current_directory == "/" ? "" : host.current_directory) + "/" + path;
}

} // namespace

int check_config(const std::string & path, const Host & host, Output & output) {
    const std::string file = path.empty() ? host.config_path : absolute(path, host);
    const bool installed = file == host.config_path;
    const SiteConfigCheck check = check_site_config(file);
    const auto say = [&](const std::string & line) { output.err += "shifter: " + log::one_line(line) + "\n"; };
    for (const ConfigProblem & problem : check.content.problems)
        say((problem.severity == Severity::warning ? "warning: " : "") + problem.to_string());
    for (const std::string & why : check.refused) say((installed ? "" : "note: once installed: ") + why);
    const std::size_t count = check.content.problems.size() + (installed ? check.refused.size() : 0);
    if (count > 0) {
        say(file + ": " + std::to_string(count) + (count == 1 ? " problem" : " problems"));
        return static_cast<int>(ExitStatus::failed);
    }
    output.out += text::join(check.files, ", ") + ": usable\n";
    return static_cast<int>(ExitStatus::success);
}

} // namespace shifter::frontend
