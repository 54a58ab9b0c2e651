/**
 * @file
 * An image served by a process of the caller, where the kernel cannot mount squashfs (contract 5.1, imageMount=fuse).
 */
#pragma once

#include "base/identity.hpp"
#include "base/unique_fd.hpp"

#include <string>

namespace shifter::privileged {

/** Whose the files of an image are said to be: whose they are in it, or all of them the caller's. */
enum class Owners { image, caller };

/**
 * Mounts "fuse" and starts installed::squashfuse, with the two descriptors that it needs, as the caller without any
 * privilege. It is nobody's child, stands in the node's mount namespace, and ends when the mount is gone.
 * @return the mount, not attached: read-only, nosuid, nodev. @throws Error
 */
[[nodiscard]] UniqueFd mount_by_fuse(int file, const std::string & name, const Identity & caller, Owners owners);

} // namespace shifter::privileged
