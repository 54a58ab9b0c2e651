/**
 * @file
 * What a user types after --image=: a type and a tag. Contract 2.1 to 2.3.
 */
#pragma once

#include "base/expected.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace shifter {

/** Contract 2.1. The names are case-sensitive. */
enum class ImageType { docker, custom, id, local };

[[nodiscard]] std::string_view to_string(ImageType type) noexcept;
[[nodiscard]] std::optional<ImageType> image_type_named(std::string_view name) noexcept;

/**
 * A type and a tag. Characters that Shifter deleted silently are refused by name instead (H2-1): the kept set is
 * letters, digits and `_ : . + - @ /`; the tag is not empty and has at most 1024 bytes.
 */
struct ImageRequest {
    ImageType type = ImageType::docker;
    std::string tag;

    /** `default_type`: the site's defaultImageType, when it names one. A leading "docker://" means type docker. */
    [[nodiscard]] static Expected<ImageRequest> parse(std::string_view text, std::optional<ImageType> default_type);
    /** From two separate words, as in SHIFTER_IMAGETYPE and SHIFTER_IMAGE. */
    [[nodiscard]] static Expected<ImageRequest> from_parts(std::string_view type, std::string_view tag);

    [[nodiscard]] std::string to_string() const;
    bool operator==(const ImageRequest &) const = default;
};

} // namespace shifter
