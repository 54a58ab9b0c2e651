/**
 * @file
 * The image as a mount. Contract 5.1; I17.
 */
#pragma once

#include "base/identity.hpp"
#include "base/unique_fd.hpp"
#include "site/site_config.hpp"

#include <string>

namespace shifter::privileged {

/** An image's mount, not attached anywhere yet: read-only, nosuid, nodev. */
struct MountedImage {
    UniqueFd mount;
    bool is_directory = false; ///< a local directory, whose device is the node's
    bool is_callers = false;   ///< every file in it shows the caller as its owner
};

/**
 * By the kernel's squashfs where it can; else by a process of the caller that serves it with squashfuse, which ends by
 * itself when the mount is gone. Called before the node's mount namespace is left: that process must not hold the
 * container's. @param file the descriptor that was checked (I17). @param for_changes --writable: squashfuse then says
 * that all files are the caller's, as it always does in a user namespace, where no other owner can be named.
 * @throws Error
 */
[[nodiscard]] MountedImage mount_image(int file, const std::string & name, ImageMount how, const Identity & caller,
                                       bool for_changes);

/** A directory of the node as an image: what the caller himself can reach at `path` (contract 2.5). @throws Error */
[[nodiscard]] MountedImage mount_local_image(const std::string & path, const Identity & caller);

} // namespace shifter::privileged
