/**
 * @file
 * From a tag to an image id, by `shifterimg lookup` (contract 2.4), without a shell (H2-2).
 */
#pragma once

#include "base/expected.hpp"
#include "base/image_id.hpp"
#include "base/image_request.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace shifter::frontend {

/** The first line without a ':' of what `shifterimg lookup` printed, as an id. */
[[nodiscard]] Expected<ImageId> parse_lookup(std::string_view output);

/** Runs `program` lookup type:tag. @throws Error with the reason that it printed (H1-14) */
[[nodiscard]] ImageId look_up(const std::string & program, const ImageRequest & image, std::chrono::seconds limit);

} // namespace shifter::frontend
