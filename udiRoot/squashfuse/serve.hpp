/**
 * @file
 * Serving one squashfs image over a FUSE connection that somebody else has mounted.
 */
#pragma once

namespace shifter::squashfuse {

/** Whose the files are said to be: whose they are in the image, or all of them the user's who runs this process. */
enum class Owners { image, self };

/**
 * Serves `image` on `connection` until the file system is unmounted. Both are descriptors that the caller of this
 * program opened; this process opens nothing by name but them. @return an exit status
 */
[[nodiscard]] int serve(int connection, int image, Owners owners);

} // namespace shifter::squashfuse
