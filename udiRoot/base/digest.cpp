#include "base/digest.hpp"

#include <algorithm>

namespace shifter {

Expected<Digest> Digest::parse(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return ParseError{0, "a digest looks like sha256:<64 hexadecimal digits>"};
    const std::string_view name = text.substr(0, colon);
    const std::string_view hex = text.substr(colon + 1);
    if (name != "sha256" && name != "sha512") return ParseError{0, "the digest algorithm is neither sha256 nor sha512"};
    const Algorithm algorithm = name == "sha256" ? Algorithm::sha256 : Algorithm::sha512;
    const std::size_t length = algorithm == Algorithm::sha256 ? 64 : 128;
    if (hex.size() != length)
        return ParseError{colon + 1, "a " + std::string{name} + " digest has " + std::to_string(length) + " hexadecimal digits"};
    const auto bad = std::find_if_not(hex.begin(), hex.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (bad != hex.end())
        return ParseError{colon + 1 + static_cast<std::size_t>(bad - hex.begin()), "a digest has only the digits 0-9 and a-f"};
    return Digest{algorithm, std::string{hex}};
}

std::string Digest::to_string() const {
    return (algorithm_ == Algorithm::sha256 ? "sha256:" : "sha512:") + hex_;
}

} // namespace shifter
