/**
 * @file
 * The site's own program that looks at an image before anybody can use it, and may refuse it. Contract 7.9, `examiner`.
 */
#pragma once

#include "base/error.hpp"
#include "base/image_id.hpp"
#include "pull/gateway_settings.hpp"

#include <stop_token>
#include <string>

namespace shifter::pull {

/** What the program is told of an image, besides its tree. */
struct Examined {
    std::string system;
    std::string reference;
    std::string digest;
    std::string requester; ///< account name
    uid_t requester_uid = 0;
};

/** The program says no: it will say so again. */
class Refused : public Error {
public:
    using Error::Error;
};

/** The label under which the verdict stays with the image; one of the image's own by that name is dropped. */
inline constexpr const char * examiner_label = "shifter.examiner";

/**
 * Runs settings.examiner as "PROGRAM TREE ID" on the unpacked image, and waits.
 *
 * The tree is unpacked, and not mounted: the gateway has no right to mount, and with FUSE it would need a user
 * namespace and /dev/fuse, which its unit forbids.
 *
 * @param image_fd  the finished squashfs, open for reading
 * @return the last line of what it wrote, in ASCII; "passed" when it wrote nothing
 * @throws Refused with that line, or beyond ExaminerSpace; std::runtime_error when it takes longer than
 * ExaminerTimeout, is ended by a signal, or cannot be run
 */
[[nodiscard]] std::string examine(const GatewaySettings & settings, int image_fd, std::uint64_t size_bytes,
                                  const ImageId & id, const Examined & facts, const std::stop_token & stop);

} // namespace shifter::pull
