#include "base/unique_fd.hpp"

#include <cerrno>
#include <unistd.h>

namespace shifter {

void UniqueFd::reset(int fd) noexcept {
    if (fd_ >= 0) {
        const int kept = errno;
        (void)::close(fd_); // EINTR closes all the same on Linux; there is nothing to try again
        errno = kept;
    }
    fd_ = fd;
}

} // namespace shifter
