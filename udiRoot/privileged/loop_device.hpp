/**
 * @file
 * Loop devices for image files. All launches of one file on a node use one device, so the kernel shares one superblock
 * and one page cache, counts the mounts, and frees the device with the last of them, also after kill -9 (R11).
 */
#pragma once

#include "base/unique_fd.hpp"

#include <string>

namespace shifter::privileged {

/** A device that stands for a file. It exists while this descriptor or a mount of it does. */
struct LoopDevice {
    UniqueFd fd;
    std::string path;    ///< "/dev/loop7"
    bool shared = false; ///< another launch had made it
};

/**
 * The device for `file`: the one that another launch uses, if there is one, else a new one.
 * Which device that is stands in a table of fixed size in /run/shifter, writable by root alone. The table is a hint: a
 * device is used only after the kernel has said that it stands for this very file, whole and read-only. Where the table
 * cannot be used, or another launch is slow with its entry, the device is simply not shared.
 *
 * @param file  the descriptor that was checked (I17)
 * @throws Error
 */
[[nodiscard]] LoopDevice loop_device_for(int file, const std::string & name);

/** A new device for `file`, writable, for this launch alone: a perNodeCache. @throws Error */
[[nodiscard]] LoopDevice own_loop_device(int file, const std::string & name);

} // namespace shifter::privileged
