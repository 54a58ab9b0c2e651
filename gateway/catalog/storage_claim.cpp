#include "catalog/storage_claim.hpp"

#include "base/error.hpp"

#include <chrono>
#include <fcntl.h>
#include <thread>

namespace shifter::catalog {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_wait = 5s;
constexpr off_t byte_of_claims = off_t{1} << 60U; // the bytes below are those of ContentLock

} // namespace

StorageClaim::StorageClaim(const ImageStorage & storage, Sharing sharing) {
    const std::string path = storage.directory + "/.lock";
    fd_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd_) throw SysError{errno, "cannot open the image directory " + quoted(storage.directory) + " to lock it"};
    struct flock range {};
    range.l_type = sharing == Sharing::alone ? F_WRLCK : F_RDLCK;
    range.l_whence = SEEK_SET;
    range.l_start = byte_of_claims;
    range.l_len = 1;
    const auto end = std::chrono::steady_clock::now() + longest_wait;
    while (::fcntl(fd_.get(), F_OFD_SETLK, &range) != 0) {
        const int error_number = errno;
        if (error_number != EAGAIN && error_number != EACCES && error_number != EINTR)
            throw SysError{error_number, "cannot lock " + quoted(path) +
                                             ": the image directory needs a file system with locks (Lustre: mounted "
                                             "with flock)"};
        if (std::chrono::steady_clock::now() > end)
            throw Error{"cannot use the image directory " + quoted(storage.directory) +
                        ": another gateway with a catalog of its own publishes there; several gateways need one "
                        "PostgreSQL database (Database in their configuration)"};
        std::this_thread::sleep_for(50ms);
    }
}

} // namespace shifter::catalog
