#include "base/image_request.hpp"

#include <algorithm>
#include <array>

namespace shifter {
namespace {

struct TypeName {
    ImageType type;
    std::string_view name;
};
constexpr std::array type_names = {TypeName{ImageType::docker, "docker"}, TypeName{ImageType::custom, "custom"},
                                   TypeName{ImageType::id, "id"}, TypeName{ImageType::local, "local"}};

bool is_kept(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || std::string_view{"_:.+-@/"}.find(c) != std::string_view::npos;
}

Expected<ImageRequest> checked(ImageType type, std::string_view tag, std::size_t offset) {
    constexpr std::size_t max_length = 1024;
    if (tag.empty()) return ParseError{offset, "no image is named; write for example docker:debian:12"};
    if (tag.size() > max_length) return ParseError{offset + max_length, "an image name has at most 1024 bytes"};
    const auto bad = std::find_if_not(tag.begin(), tag.end(), is_kept);
    if (bad != tag.end())
        return ParseError{offset + static_cast<std::size_t>(bad - tag.begin()),
                          "the character " + quoted(std::string_view{bad, 1}) + " cannot stand in an image name"};
    // "docker:" and "//x" would be read back as the URL form of "x".
    if (type == ImageType::docker && tag.substr(0, 2) == "//") return ParseError{offset, "an image name does not begin with //"};
    return ImageRequest{type, std::string{tag}};
}

} // namespace

std::string_view to_string(ImageType type) noexcept {
    for (const TypeName & entry : type_names)
        if (entry.type == type) return entry.name;
    return "docker";
}

std::optional<ImageType> image_type_named(std::string_view name) noexcept {
    for (const TypeName & entry : type_names)
        if (entry.name == name) return entry.type;
    return std::nullopt;
}

Expected<ImageRequest> ImageRequest::parse(std::string_view text, std::optional<ImageType> default_type) {
    constexpr std::string_view url = "docker://";
    if (text.substr(0, url.size()) == url) return checked(ImageType::docker, text.substr(url.size()), url.size());
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos) {
        if (const auto type = image_type_named(text.substr(0, colon))) return checked(*type, text.substr(colon + 1), colon + 1);
    }
    if (!default_type) return ParseError{0, "it does not say its type, and the site has no defaultImageType; write for example docker:" + std::string{text.substr(0, 200)}};
    return checked(*default_type, text, 0);
}

Expected<ImageRequest> ImageRequest::from_parts(std::string_view type, std::string_view tag) {
    const auto known = image_type_named(type);
    if (!known) return ParseError{0, quoted(type) + " is not an image type (docker, custom, id, local)"};
    return checked(*known, tag, 0);
}

std::string ImageRequest::to_string() const {
    return std::string{shifter::to_string(type)} + ":" + tag;
}

} // namespace shifter
