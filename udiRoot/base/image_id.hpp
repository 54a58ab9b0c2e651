/**
 * @file
 * The catalog's identifier of an image, and the stem of its files in imagePath. Contract 2.4 (H2-3): lower-case
 * hexadecimal, 1 to 128 digits, so that it can never be a path.
 */
#pragma once

#include "base/expected.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace shifter {

class ImageId {
public:
    [[nodiscard]] static Expected<ImageId> parse(std::string_view text);

    [[nodiscard]] const std::string & to_string() const noexcept { return text_; }
    /** What `shifterimg images` prints: the first ten digits. */
    [[nodiscard]] std::string abbreviated() const { return text_.substr(0, 10); }
    auto operator<=>(const ImageId &) const = default;

private:
    explicit ImageId(std::string text) : text_{std::move(text)} {}
    std::string text_;
};

} // namespace shifter
