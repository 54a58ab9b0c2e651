// Any text is a configuration or has problems; nothing throws. What is usable keeps to the bounds of its types (I37).
#include "site/site_config.hpp"

#include <cstdint>
#include <cstdlib>

using namespace shifter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    // A NUL separates the main file from a drop-in.
    const std::size_t middle = text.find('\0');
    std::vector<ConfigText> texts = {{"conf", std::string{text.substr(0, middle)}}};
    if (middle != std::string_view::npos) texts.push_back({"drop-in", std::string{text.substr(middle + 1)}});
    const ParsedSiteConfig parsed = parse_site_config(texts);
    if (parsed.problems.size() > 101) std::abort();
    for (const ConfigProblem & problem : parsed.problems)
        if (problem.what.empty() || (problem.file != "conf" && problem.file != "drop-in")) std::abort();
    if (!parsed.usable()) return 0;

    const SiteConfig & config = parsed.config;
    for (const std::string * path :
         {&config.udi_mount, &config.loop_mount, &config.image_path, &config.udi_root_path, &config.etc_path})
        if (!ContainerPath::parse(*path) || *path == "/") std::abort();
    for (const std::string * path : {&config.opt_udi_image, &config.site_pre_mount_hook, &config.site_post_mount_hook})
        if (!path->empty() && path->front() != '/') std::abort();
    if (config.launch_timeout < std::chrono::seconds{1} || config.launch_timeout > std::chrono::hours{1}) std::abort();
    if (config.max_group_count > 65536) std::abort();
    for (const auto & [name, module] : config.modules)
        if (name.empty() || name.find('/') != std::string::npos || module.name != name) std::abort();
    std::string all;
    for (const std::string & name : config.default_modules) all += name + ",";
    if (!select_modules(config, all) || !select_modules(config, "none")) std::abort();
    // Read twice, the scalars are the same.
    if (parse_site_config(texts).config != config) std::abort();
    return 0;
}
