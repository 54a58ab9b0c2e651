#include "frontend/platform_images.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace shifter::frontend {
namespace {

bool holds(const PlatformImages & images, const ImageId & id) {
    return std::any_of(images.begin(), images.end(), [&](const auto & each) { return each.second == id; });
}

std::vector<Platform> platforms_of(const PlatformImages & images) {
    std::vector<Platform> platforms;
    for (const auto & [platform, id] : images) platforms.push_back(platform);
    return platforms;
}

} // namespace

Expected<PlatformImages> parse_platform_images(std::string_view text) {
    constexpr std::size_t max_bytes = 64U << 10U;
    if (text.size() > max_bytes) return ParseError{max_bytes, "it has more than 64 KiB"};
    PlatformImages images;
    if (text.empty()) return images;
    for (const std::string_view entry : text::split(text, ',')) {
        const auto offset = static_cast<std::size_t>(entry.data() - text.data());
        const std::size_t equals = std::min(entry.find('='), entry.size());
        const auto platform = Platform::parse(entry.substr(0, equals));
        if (!platform) return ParseError{offset, platform.error().what};
        const auto id = ImageId::parse(entry.substr(std::min(equals + 1, entry.size())));
        if (!id) return ParseError{offset + equals, id.error().what};
        images.emplace_back(*platform, *id);
    }
    return images;
}

std::string to_string(const PlatformImages & images) {
    std::string text;
    for (const auto & [platform, id] : images)
        text += (text.empty() ? "" : ",") + platform.to_string() + "=" + id.to_string();
    return text;
}

PlatformImages platform_images_of_lookup(std::string_view output) {
    PlatformImages images;
    for (const std::string_view line : text::split(output, '\n')) {
        const std::size_t colon = line.find(": ");
        if (colon == std::string_view::npos) continue;
        const auto platform = Platform::parse(line.substr(0, colon));
        const auto id = ImageId::parse(text::trim(line.substr(colon + 2)));
        if (platform && id) images.emplace_back(*platform, *id);
    }
    return images;
}

bool hold_both(const PlatformImages & images, const ImageId & one, const ImageId & other) {
    return holds(images, one) && holds(images, other);
}

ImageId image_for(const Platform & machine, const PlatformImages & images, const ImageId & id,
                  const std::string & name) {
    if (!holds(images, id)) return id;
    const auto platforms = platforms_of(images);
    if (const auto choice = choose_platform(platforms, machine)) return images[*choice].second;
    throw Error{"the image " + name + " of this job is there for " + names_of(platforms) + ", and this node is " +
                machine.to_string() + "; pull it for that one (shifterimg --platform=" + machine.to_string() +
                " pull " + name + "), and submit the job again"};
}

} // namespace shifter::frontend
