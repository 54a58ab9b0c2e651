/**
 * @file
 * Reads a squashfs file that somebody sent, without the kernel, and writes its tree as one tar stream: what nodes mount
 * is then made by our own writer, whatever the file held (I17, I20).
 *
 * Format: squashfs 4.0, as in the kernel's Documentation/filesystems/squashfs.rst. Every number of the file is checked
 * before it is used; directories that stand in two places, and so loops, are refused.
 */
#pragma once

#include "layers/limits.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace shifter::squash {

/** Takes the tar stream, piece by piece. */
using TarOutput = std::function<void(std::span<const std::byte>)>;

/**
 * The same file gives the same stream. Extended attributes and sockets are left out; owners, modes and devices are
 * handed on, and the conversion decides about them.
 *
 * @param fd      read by pread(2) alone
 * @param limits  entries, unpacked bytes, paths and depth, as for a layer (I23)
 * @throws Error  in words, when the file is no squashfs, is damaged or over a limit; `output` has then seen a prefix
 * @note   Memory: a few blocks, 100 bytes and the name for each entry of the directories on the way, and the paths of
 *         hard-linked files
 */
void squashfs_to_tar(int fd, std::uint64_t size_bytes, const layers::Limits & limits, const TarOutput & output);

} // namespace shifter::squash
