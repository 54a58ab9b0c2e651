// One tag, several platforms: which of them a request means, and what of an image is on it. Stored tags:
// pull/platforms.hpp.
#include "api/api.hpp"

#include "pull/platforms.hpp"

#include <algorithm>

namespace shifter::api {
namespace {

Refusal not_served(const pull::System & system, const std::string & text, const std::string & more = {}) {
    return Refusal{400, "system " + system.name + " has images for " + names_of(pull::platforms_of(system)) +
                            ", and not for " + quoted(text) + more};
}

/** How stored tags end that are on `platform`. */
std::string stored_platform(const pull::System & system, const Platform & platform) {
    return platform == system.platform ? "" : platform.to_string();
}

} // namespace

std::optional<Platform> wanted_platform(const Call & call) {
    const pull::System & system = *call.system;
    const auto named = query_value(call.request.target, "platform");
    if (!named && !pull::has_several_platforms(system)) return system.platform;
    if (named == "all") return std::nullopt;
    const std::vector<Platform> platforms = pull::platforms_of(system);
    if (named) {
        const auto platform = Platform::parse(*named);
        const auto choice = platform ? choose_platform(platforms, *platform) : std::nullopt;
        if (!choice) throw not_served(system, *named, platform ? "" : ": " + platform.error().what);
        return platforms[*choice];
    }
    // What the caller's machine is decides nothing that was not configured: others get what the system has first.
    const auto machine = call.request.header("shifter-machine");
    const auto own = machine ? Platform::parse(*machine) : Expected<Platform>{ParseError{}};
    const auto choice = own ? choose_platform(platforms, *own) : std::nullopt;
    return platforms[choice.value_or(0)];
}

catalog::ImageKey key_on_platform(const Call & call, ImageType type, const std::string & name) {
    if (!call.platform) throw Refusal{400, "platform=all is for lists; name one platform"};
    return {call.system->name, type, pull::stored_tag(*call.system, *call.platform, name)};
}

bool has_only_tags_of_platform(const pull::System & system, const std::optional<Platform> & platform,
                               const catalog::Image & image) {
    if (!platform || !pull::has_several_platforms(system)) return true;
    return std::all_of(image.tags.begin(), image.tags.end(),
                       [wanted = stored_platform(system, *platform)](std::string_view stored) {
                           return pull::split_tag(stored).platform == wanted;
                       });
}

bool keep_tags_of_platform(const pull::System & system, const std::optional<Platform> & platform,
                           catalog::Image & image) {
    if (!platform || !pull::has_several_platforms(system)) return !image.tags.empty();
    const auto is_other = [wanted = stored_platform(system, *platform)](std::string_view stored) {
        return pull::split_tag(stored).platform != wanted;
    };
    std::erase_if(image.tags, is_other);
    std::erase_if(image.private_tags, is_other);
    std::erase_if(image.indexes, [&](const catalog::TagIndex & each) { return is_other(each.tag); });
    return !image.tags.empty();
}

std::string shown_platform(const pull::System & system, std::string_view stored) {
    if (!pull::has_several_platforms(system)) return {};
    const std::string_view platform = pull::split_tag(stored).platform;
    return platform.empty() ? system.platform.to_string() : std::string{platform};
}

Refusal no_such_image_here(const Call & call, const ImageRequest & request, const std::vector<Platform> & there) {
    if (there.empty() || !call.platform) return no_such_image();
    const std::string wanted = call.platform->to_string();
    return Refusal{404, "there is no such image for " + wanted + ", only for " + names_of(there) +
                            (request.type == ImageType::docker
                                 ? "; shifterimg --platform=" + wanted + " pull " + request.to_string() + " brings it"
                                 : "")};
}

} // namespace shifter::api
