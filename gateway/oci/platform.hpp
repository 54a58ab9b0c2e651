/**
 * @file
 * The platform of an image. OCI Image Specification v1.1, "Image Index", property `platform`.
 */
#pragma once

#include "base/expected.hpp"

#include <string>
#include <string_view>

namespace shifter::oci {

struct Platform {
    std::string os = "linux";
    std::string architecture; ///< GOARCH names: amd64, arm64, ppc64le, …
    std::string variant;      ///< for example v8; empty when not given

    /** "linux/arm64/v8" or "linux/amd64" or "amd64"; names as `uname -m` gives them (x86_64, aarch64) are translated. */
    [[nodiscard]] static Expected<Platform> parse(std::string_view text);
    /** The platform of the machine that runs this. */
    [[nodiscard]] static Platform of_this_machine();
    [[nodiscard]] std::string to_string() const;
    bool operator==(const Platform &) const = default;
};

} // namespace shifter::oci
