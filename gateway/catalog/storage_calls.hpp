/**
 * @file
 * The system calls of Publisher, and nothing else. A test build (SHIFTER_STORAGE_FAULTS) can make the nth of them fail;
 * the installed build has no trace of that.
 */
#pragma once

#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::catalog::storage_calls {

#ifdef SHIFTER_STORAGE_FAULTS
/** Defined by the test: true, with errno set, when this call must fail. */
bool must_fail(const char * call) noexcept;
#else
constexpr bool must_fail(const char * /*call*/) noexcept { return false; }
#endif

inline int open(const char * path, int flags) noexcept {
    return must_fail("open") ? -1 : ::open(path, flags | O_CLOEXEC);
}
inline int openat(int directory, const char * name, int flags, mode_t mode = 0) noexcept {
    return must_fail((flags & O_TMPFILE) == O_TMPFILE ? "tmpfile" : "openat")
               ? -1
               : ::openat(directory, name, flags | O_CLOEXEC, mode);
}
inline ssize_t write(int fd, const void * bytes, std::size_t size) noexcept {
    return must_fail("write") ? -1 : ::write(fd, bytes, size);
}
inline int fsync(int fd) noexcept { return must_fail("fsync") ? -1 : ::fsync(fd); }
inline int fchmod(int fd, mode_t mode) noexcept { return must_fail("fchmod") ? -1 : ::fchmod(fd, mode); }
inline int fchown(int fd, uid_t owner, gid_t group) noexcept {
    return must_fail("fchown") ? -1 : ::fchown(fd, owner, group);
}
inline int fstat(int fd, struct stat * facts) noexcept { return must_fail("fstat") ? -1 : ::fstat(fd, facts); }
inline int flock(int fd, int operation) noexcept { return must_fail("flock") ? -1 : ::flock(fd, operation); }
inline int linkat(int from, const char * path, int directory, const char * name, int flags) noexcept {
    return must_fail("linkat") ? -1 : ::linkat(from, path, directory, name, flags);
}
inline int renameat(int from, const char * name, int to, const char * new_name) noexcept {
    return must_fail("renameat") ? -1 : ::renameat(from, name, to, new_name);
}
inline int unlinkat(int directory, const char * name) noexcept {
    return must_fail("unlinkat") ? -1 : ::unlinkat(directory, name, 0);
}

} // namespace shifter::catalog::storage_calls
