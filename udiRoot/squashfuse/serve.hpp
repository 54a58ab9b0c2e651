/**
 * @file
 * Serving one squashfs image over a FUSE connection that somebody else has mounted.
 */
#pragma once

namespace shifter::squashfuse {

/**
 * Serves `image` on `connection` until the file system is unmounted. Both are descriptors that the caller of this
 * program opened; this process opens nothing by name but them. @return an exit status
 */
[[nodiscard]] int serve(int connection, int image);

} // namespace shifter::squashfuse
