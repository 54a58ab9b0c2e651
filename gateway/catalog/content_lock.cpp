#include "catalog/content_lock.hpp"

#include "base/error.hpp"
#include "catalog/catalog.hpp"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <thread>

namespace shifter::catalog {

namespace {

using namespace std::chrono_literals;

/** The byte that stands for an image: two that share one wait for each other, and nothing worse. */
off_t byte_of(const ImageId & id) {
    const std::string hex = id.to_string().substr(0, 15); // below 2^60: every file system's locks reach so far
    off_t byte = 0;
    (void)std::from_chars(hex.data(), hex.data() + hex.size(), byte, 16);
    return byte;
}

bool has_no_locks(int error_number) {
    return error_number == ENOSYS || error_number == EOPNOTSUPP || error_number == ENOLCK || error_number == EINVAL;
}

} // namespace

ContentLock::ContentLock(const ImageStorage & storage, const ImageId & id, const std::stop_token & stop) {
    const std::string path = storage.directory + "/.lock";
    // A description of its own for each object: locks of open file descriptions exclude threads, too.
    fd_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd_) throw SysError{errno, "cannot open the image directory " + quoted(storage.directory) + " to lock it"};
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = byte_of(id);
    range.l_len = 1;
    const auto end = std::chrono::steady_clock::now() + longest_wait_for_content;
    for (auto delay = 1ms; ::fcntl(fd_.get(), F_OFD_SETLK, &range) != 0; delay = std::min(delay * 2, 100ms)) {
        const int error_number = errno;
        if (has_no_locks(error_number))
            throw SysError{error_number, "cannot lock " + quoted(path) +
                                             ": the image directory needs a file system with locks (Lustre: mounted "
                                             "with flock)"};
        if (error_number != EAGAIN && error_number != EACCES && error_number != EINTR)
            throw SysError{error_number, "cannot lock " + quoted(path)};
        if (stop.stop_requested()) throw Error{"the gateway stops"};
        if (std::chrono::steady_clock::now() > end)
            throw Unavailable{"another gateway works on image " + id.abbreviated() + "; try again"};
        std::this_thread::sleep_for(delay);
    }
}

} // namespace shifter::catalog
