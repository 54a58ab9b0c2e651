/**
 * @file
 * RunRequest: the one message from the caller's side (frontend) to the privileged side, and its encoding.
 *
 * The bytes come from a process of the caller, who may have written them himself. decode() therefore accepts exactly
 * the shape that encode() makes, within the limits below, and nothing in a request is a permission: identity comes from
 * the kernel, rules from the site's configuration.
 */
#pragma once

#include "base/expected.hpp"
#include "base/image_id.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace shifter {

/** `local:/path`: a directory of the node as image tree (contract 2.5); `path` is absolute. */
struct LocalImage {
    std::string path;
    bool operator==(const LocalImage &) const = default;
};

using RequestedImage = std::variant<ImageId, LocalImage>;

/** An option with an optional argument: not given, given bare, given with a value. */
struct OptionalChoice {
    bool given = false;
    std::optional<std::string> value;
    bool operator==(const OptionalChoice &) const = default;
};

struct RunRequest {
    RequestedImage image;
    std::string image_request{};            ///< SHIFTER_IMAGEREQUEST in the container; empty: none
    std::string volumes{};                  ///< a user's volume map, not parsed yet (contract 4.1)
    std::optional<std::string> modules{};   ///< the user's selection; nothing: the site's defaultModules
    std::vector<std::string> command{};     ///< the words after the options
    OptionalChoice entrypoint{};            ///< contract 1.4
    OptionalChoice workdir{};               ///< contract 1.5
    OptionalChoice writable{};              ///< --writable[=SIZE], the size not parsed yet
    std::string current_directory{};        ///< the caller's; empty when it could not be determined (H1-20)
    std::vector<std::string> environment{}; ///< --env, NAME=VALUE, in order
    std::optional<std::string> environment_file{};
    bool clear_environment = false;
    bool verbose = false;
    bool dry_run = false; ///< print the plan, and make nothing
    bool timing = false;  ///< say where the milliseconds went

    bool operator==(const RunRequest &) const = default;
};

/** Limits of one request. The total is what the kernel allows for arguments and environment, with room to spare. */
inline constexpr std::size_t max_request_bytes = 4U << 20U;
inline constexpr std::size_t max_request_list = 1U << 18U; ///< entries of one list

/** @throws Error when the request is larger than a request may be. */
[[nodiscard]] std::string encode(const RunRequest & request);
/** The inverse of encode() for exactly its results; strings never hold NUL. */
[[nodiscard]] Expected<RunRequest> decode(std::string_view bytes);

} // namespace shifter
