/**
 * @file
 * What the kernel says of the finished root: read and compared before anything of the image or the user runs (I13).
 */
#pragma once

#include "base/expected.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace shifter::privileged {

/**
 * Why one line of mountinfo(5) breaks the rules, as a sentence; nothing if it does not. Every mount is nosuid; nodev,
 * but for those at and below /dev, /proc and /sys; and read-only where it is on the image's device (0: a directory).
 */
[[nodiscard]] std::optional<std::string> refuse_mount_line(std::string_view line, dev_t image_device);

/** Reads the mounts under this process's root. `own_process`: a descriptor of the node's /proc/self. @throws Error */
void verify_mounts(int own_process, dev_t image_device);

} // namespace shifter::privileged
