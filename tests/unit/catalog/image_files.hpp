/** @file Files as the publisher wants them. */
#pragma once

#include "catalog/publisher.hpp"

#include <string>
#include <unistd.h>

namespace shifter::catalog::samples {

/** The first bytes of a squashfs 4 whose superblock promises `promised` bytes. */
inline std::string squashfs(std::size_t size, std::size_t promised) {
    std::string text(size, '\0');
    text.replace(0, 4, "hsqs");
    text[28] = 4;
    for (std::size_t i = 0; i < 8; ++i) text[40 + i] = static_cast<char>((promised >> (8 * i)) & 0xff);
    return text;
}
inline std::string squashfs(std::size_t size = 4096) { return squashfs(size, size); }

inline void fill(const UnpublishedFile & file, const std::string & text) {
    if (::pwrite(file.fd(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
        throw SysError{errno, "cannot fill a file"};
}

inline ImageRecord record(const std::string & name = "A=1", Acl acl = {}) {
    ImageRecord made;
    made.env = {name};
    made.acl = std::move(acl);
    return made;
}

} // namespace shifter::catalog::samples
