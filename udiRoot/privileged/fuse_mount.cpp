#include "privileged/fuse_mount.hpp"

#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "privileged/child.hpp"
#include "privileged/privileges.hpp"
#include "privileged/system.hpp"
#include "site/trusted_file.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

constexpr int connection_fd = 3; ///< where shifter-squashfuse finds /dev/fuse
constexpr int image_fd = 4;      ///< and the image

/** In the grandchild: two descriptors, nothing of the caller's, no root. */
[[noreturn]] void become_server(const Identity & caller, int connection, int image, Owners owners) {
    try {
        give_up_root(caller);
        ::setsid(); // a Ctrl-C is for the command; the server ends with the mount
        // Above the places first, so that no copy overwrites the other.
        const int high_connection = ::fcntl(connection, F_DUPFD, 10);
        const int high_image = ::fcntl(image, F_DUPFD, 10);
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC); // its copies, 0 to 2, stay
        if (high_connection < 0 || high_image < 0 || null < 0) ::_exit(1);
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
            if (::dup2(null, fd) != fd) ::_exit(1);
        if (::dup2(high_connection, connection_fd) != connection_fd || ::dup2(high_image, image_fd) != image_fd)
            ::_exit(1);
        if (::close_range(image_fd + 1, ~0U, 0) != 0 || ::chdir("/") != 0) ::_exit(1);
        unblock_signals();
        std::string program = installed::squashfuse;
        std::string own = "--own";
        const std::array<char *, 3> argv = {program.data(), owners == Owners::caller ? own.data() : nullptr, nullptr};
        std::array<char *, 1> envp = {nullptr};
        ::execve(program.c_str(), argv.data(), envp.data());
    } catch (const std::exception &) { // the mount fails, and says so
    }
    ::_exit(1);
}

void start_server(const Identity & caller, int connection, int image, Owners owners) {
    (void)TrustedFile::open(installed::squashfuse, {.kind = TrustedFile::Kind::executable}); // I4
    const pid_t pid = ::fork();
    if (pid < 0) throw SysError{errno, "cannot start " + quoted(installed::squashfuse)};
    if (pid == 0) {
        const pid_t server = ::fork();
        if (server == 0) become_server(caller, connection, image, owners);
        ::_exit(server > 0 ? 0 : 1);
    }
    const int status = wait_for(pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw Error{"cannot start " + quoted(installed::squashfuse)};
}

} // namespace

UniqueFd mount_by_fuse(int file, const std::string & name, const Identity & caller, Owners owners) {
    const std::string what = "cannot mount the image " + name + " by squashfuse";
    UniqueFd mount;
    {
        const UniqueFd connection{::open("/dev/fuse", O_RDWR | O_CLOEXEC)};
        if (!connection) throw SysError{errno, what + ": cannot open /dev/fuse"};
        mount = make_mount("fuse",
                           {{"source", "shifter"},
                            {"subtype", "squashfuse"},
                            {"fd", std::to_string(connection.get())},
                            {"rootmode", "40000"},
                            {"user_id", std::to_string(caller.uid)},
                            {"group_id", std::to_string(caller.gid)},
                            {"allow_other", ""},
                            {"default_permissions", ""}},
                           true, what);
        start_server(caller, connection.get(), file, owners);
    }
    // Only the server holds the connection now: if it could not start, this fails and does not hang.
    struct stat status {};
    if (::fstatat(mount.get(), "", &status, AT_EMPTY_PATH) != 0 || !S_ISDIR(status.st_mode))
        throw SysError{errno, what};
    if (const UniqueFd top{::openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)}; !top)
        throw SysError{errno, what};
    return mount;
}

} // namespace shifter::privileged
