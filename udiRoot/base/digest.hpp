/**
 * @file
 * Content digests. Grammar: OCI Image Specification v1.1, "Descriptors", section "Digests"; only the registered
 * algorithms sha256 and sha512 are accepted, in lower case and with the exact length, because a digest becomes part of
 * URLs and file names (I26).
 */
#pragma once

#include "base/expected.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace shifter {

class Digest {
public:
    enum class Algorithm { sha256, sha512 };

    /** `text`: "sha256:" and 64, or "sha512:" and 128, lower-case hexadecimal digits; nothing else. */
    [[nodiscard]] static Expected<Digest> parse(std::string_view text);

    [[nodiscard]] Algorithm algorithm() const noexcept { return algorithm_; }
    [[nodiscard]] const std::string & hex() const noexcept { return hex_; }
    [[nodiscard]] std::string to_string() const;
    auto operator<=>(const Digest &) const = default;

private:
    Digest(Algorithm algorithm, std::string hex) : algorithm_{algorithm}, hex_{std::move(hex)} {}
    Algorithm algorithm_;
    std::string hex_;
};

} // namespace shifter
