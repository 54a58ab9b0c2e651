/**
 * @file
 * Looks a JSON text over before anybody builds values from it (I27): well-formed (RFC 8259), within the limits, and
 * with no name twice in one object, because readers differ in which of the two they take.
 */
#pragma once

#include "base/expected.hpp"
#include "oci/manifest.hpp"

#include <optional>
#include <string_view>

namespace shifter::oci {

/** Nothing when the text may be parsed. Memory: the names of the objects that are open, at most `limits.max_bytes`. */
[[nodiscard]] std::optional<ParseError> refuse_json(std::string_view json, const DocumentLimits & limits);

} // namespace shifter::oci
