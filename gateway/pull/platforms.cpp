#include "pull/platforms.hpp"

#include "base/error.hpp"

namespace shifter::pull {
namespace {

constexpr char separator = ' ';

} // namespace

std::vector<Platform> platforms_of(const System & system) {
    std::vector<Platform> platforms = {system.platform};
    platforms.insert(platforms.end(), system.more_platforms.begin(), system.more_platforms.end());
    return platforms;
}

TagOnPlatform split_tag(std::string_view stored) {
    const std::size_t blank = stored.find(separator);
    if (blank == std::string_view::npos) return {stored, {}};
    return {stored.substr(0, blank), stored.substr(blank + 1)};
}

std::string name_of(std::string_view stored) { return std::string{split_tag(stored).name}; }

std::string stored_tag(const System & system, const Platform & platform, const std::string & name) {
    return platform == system.platform ? name : name + separator + platform.to_string();
}

Platform platform_of(const System & system, std::string_view stored) {
    const std::string_view platform = split_tag(stored).platform;
    if (platform.empty()) return system.platform;
    for (const Platform & each : system.more_platforms)
        if (each.to_string() == platform) return each;
    throw Error{"system " + system.name + " has no images for " + std::string{platform} + " any more"};
}

bool is_for_platform(const System & system, const catalog::Image & image, const Platform & platform) {
    // What users bring may not say what it is for; and of a system with one platform nobody ever asked.
    if (!has_several_platforms(system) || image.type != ImageType::docker) return true;
    const auto built_for = Platform::parse(image.platform);
    if (!built_for) return true; // taken over from a service that did not note it
    return built_for->os == platform.os && built_for->architecture == platform.architecture;
}

} // namespace shifter::pull
