/**
 * @file
 * Which image, volumes and modules: options before variables. Contract 1.2, as functions without effects.
 */
#pragma once

#include "base/image_request.hpp"
#include "frontend/options.hpp"

#include <functional>
#include <optional>
#include <string>

namespace shifter::frontend {

using Variables = std::function<std::optional<std::string>(const std::string & name)>;

struct Selection {
    ImageRequest image;
    std::string image_request; ///< SHIFTER_IMAGEREQUEST in the container; may be empty
    std::string named_by;      ///< "--image" or the variables, for messages (H1-10)
    std::string volumes;
    std::optional<std::string> modules;
    std::string platform_images; ///< of a job whose nodes have several architectures, as platform_images.hpp reads it
};

/** Refusals are whole sentences; nothing selected is one of them. */
[[nodiscard]] Expected<Selection> select(const Options & options, const Variables & variables,
                                         std::optional<ImageType> default_type);

} // namespace shifter::frontend
