/**
 * @file
 * The images of one job on a cluster whose nodes have several architectures. A submission finds them once, for all
 * platforms, and one variable carries them; each node takes its own, and asks nobody.
 */
#pragma once

#include "base/expected.hpp"
#include "base/image_id.hpp"
#include "base/platform.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shifter::frontend {

/** Absent on a system of one platform. In jobs of Slurm it has SLURM_SPANK_ in front. */
inline constexpr const char * platform_images_variable = "SHIFTER_PLATFORM_IMAGES";

/** In the order of the lookup. */
using PlatformImages = std::vector<std::pair<Platform, ImageId>>;

/** "linux/386=77c1…,linux/amd64=8f3a…"; an empty text is none. At most 64 KiB. */
[[nodiscard]] Expected<PlatformImages> parse_platform_images(std::string_view text);
[[nodiscard]] std::string to_string(const PlatformImages & images);

/** The lines "linux/386: 77c1…" of `shifterimg lookup --platforms`; lines of other kinds are none. */
[[nodiscard]] PlatformImages platform_images_of_lookup(std::string_view output);

/** Whether both are of this list: then they are one image on two platforms. */
[[nodiscard]] bool hold_both(const PlatformImages & images, const ImageId & one, const ImageId & other);

/**
 * What `id` is on `machine`: one of the list becomes the one of the machine's platform; any other stays as it is.
 * @param name  what the user calls the image, for the sentence
 * @throws Error when the list has `id` and none for `machine`
 */
[[nodiscard]] ImageId image_for(const Platform & machine, const PlatformImages & images, const ImageId & id,
                                const std::string & name);

} // namespace shifter::frontend
