/**
 * @file
 * The least that a launch can do: unshare, the image, eight binds, pivot_root, exec. The image is a squashfs file, which
 * gets a new loop device with autoclear, or a directory where it is mounted already, of which a copy is made.
 * It checks nothing, drops nothing and reads no configuration. Run as root by tests/bench/launch.
 *
 * usage: bench_floor IMAGE COMMAND [ARGUMENT…]
 */
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

void check(bool good, const char * what) {
    if (good) return;
    std::fprintf(stderr, "bench_floor: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

/** A free loop device that shows `image` and goes away with its last user. */
std::string attach(const char * image) {
    const int file = ::open(image, O_RDONLY | O_CLOEXEC);
    check(file >= 0, image);
    const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    check(control >= 0, "/dev/loop-control");
    for (;;) {
        const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
        check(number >= 0, "LOOP_CTL_GET_FREE");
        std::string device = "/dev/loop" + std::to_string(number);
        const int loop = ::open(device.c_str(), O_RDONLY | O_CLOEXEC);
        check(loop >= 0, "loop device");
        loop_config config{};
        config.fd = static_cast<__u32>(file);
        config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
        if (::ioctl(loop, LOOP_CONFIGURE, &config) == 0) return device; // `loop` stays open until exec: autoclear waits for it
        check(errno == EBUSY, "LOOP_CONFIGURE");
        ::close(loop);
    }
}

} // namespace

int main(int argc, char ** argv) {
    if (argc < 3) {
        std::fputs("usage: bench_floor IMAGE COMMAND [ARGUMENT…]\n", stderr);
        return 1;
    }
    struct stat image {};
    check(::stat(argv[1], &image) == 0, argv[1]);
    const bool is_mounted = S_ISDIR(image.st_mode);
    const std::string source = is_mounted ? argv[1] : attach(argv[1]);
    check(::unshare(CLONE_NEWNS) == 0, "unshare");
    check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private");
    const std::string root = "/mnt";
    const char * const type = is_mounted ? nullptr : "squashfs";
    const unsigned long flags = is_mounted ? MS_BIND : MS_RDONLY | MS_NOSUID | MS_NODEV;
    check(::mount(source.c_str(), root.c_str(), type, flags, nullptr) == 0, "image");
    for (const char * folder : {"/dev", "/proc", "/sys", "/tmp", "/var/tmp", "/home", "/run", "/srv"})
        check(::mount(folder, (root + folder).c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0, folder);
    check(::chdir(root.c_str()) == 0, "chdir");
    check(::syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
    check(::umount2(".", MNT_DETACH) == 0, "old root");
    check(::chdir("/") == 0, "chdir");
    ::execv(argv[2], argv + 2);
    check(false, argv[2]);
}
