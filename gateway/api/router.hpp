/**
 * @file
 * Which handler a path means. Contract 7.2: with and without a trailing slash; a tag is a path, percent-encoded as a
 * whole or plain.
 */
#pragma once

#include "api/http.hpp"

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace shifter::api {

/** What a pattern's names stand for in one path, decoded. */
using Parameters = std::map<std::string, std::string, std::less<>>;

/**
 * Matches the path of `target` (its query is ignored) against a pattern such as "/api/lookup/{system}/{type}/{tag...}":
 * {name} is one component, {name...} is all that is left, a slash at the very end excepted. No parameter is empty.
 *
 * @return nothing when the pattern is another path; else the parameters, or why one cannot be decoded
 */
[[nodiscard]] std::optional<Expected<Parameters>> match_path(std::string_view pattern, std::string_view target);

} // namespace shifter::api
