/**
 * @file
 * What an image is built for, and what a machine is. OCI Image Specification v1.1, "Image Index", property `platform`.
 */
#pragma once

#include "base/expected.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shifter {

struct Platform {
    std::string os = "linux";
    std::string architecture; ///< GOARCH names: amd64, arm64, ppc64le, …
    std::string variant;      ///< for example v8; empty when not given

    /** "linux/arm64/v8" or "linux/amd64" or "amd64"; names as `uname -m` gives them (x86_64, aarch64) are translated.
     */
    [[nodiscard]] static Expected<Platform> parse(std::string_view text);
    /** The platform of the machine that runs this, or the one whose personality(2) this process has: uname(2). */
    [[nodiscard]] static Platform of_this_machine();
    [[nodiscard]] std::string to_string() const;
    bool operator==(const Platform &) const = default;
    /** Whether both mean the same machines, also when one leaves out the variant that is the usual one. */
    [[nodiscard]] bool means(const Platform & other) const;
};

/**
 * Which of `offered` is for `wanted`: the first of its architecture and variant. Who wants no variant takes another one
 * where there is nothing better; who names one runs only that.
 * @return its place in the list
 */
[[nodiscard]] std::optional<std::size_t> choose_platform(const std::vector<Platform> & offered,
                                                         const Platform & wanted);

/** "linux/amd64, linux/arm64". */
[[nodiscard]] std::string names_of(const std::vector<Platform> & platforms);

} // namespace shifter
