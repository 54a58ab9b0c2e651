#include "base/image_id.hpp"

#include "base/error.hpp"

#include <algorithm>

namespace shifter {

Expected<ImageId> ImageId::parse(std::string_view text) {
    constexpr std::size_t max_digits = 128;
    if (text.empty()) return ParseError{0, "the image id is empty"};
    if (text.size() > max_digits) return ParseError{max_digits, "an image id has at most 128 digits"};
    const auto bad = std::find_if_not(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (bad != text.end())
        return ParseError{static_cast<std::size_t>(bad - text.begin()),
                          "an image id has only the digits 0-9 and a-f, not " + quoted(std::string_view{bad, 1})};
    return ImageId{std::string{text}};
}

} // namespace shifter
