// The image as the lower layer of an overlay whose upper one is in memory: mount points that the image lacks, and
// --writable. What is made or changed stands in a tmpfs of this mount namespace, and ends with it (R11); the image's
// own mount stays read-only. docs/explanation/privileges.md tells why it is done in this way.
#include "privileged/steps.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "privileged/system.hpp"
#include "privileged/user_namespace.hpp"
#include "privileged/watchdog.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

UniqueFd make_and_open(int directory, const char * name, const std::string & what) {
    if (::mkdirat(directory, name, 0755) != 0) throw SysError{errno, what};
    UniqueFd made{::openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!made) throw SysError{errno, what};
    return made;
}

/** Root's become `owner`'s; all others stay whose they are, but those of `owner` himself, who cannot be meant twice. */
void write_map(pid_t pid, const char * file, unsigned owner, const std::string & what) {
    const std::string path = "/proc/" + std::to_string(pid) + "/" + file;
    const UniqueFd map{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!map) throw SysError{errno, what};
    constexpr unsigned none = static_cast<unsigned>(-1);
    std::string lines = "0 " + std::to_string(owner) + " 1\n";
    const auto keep = [&](unsigned first, unsigned end) {
        if (first < end)
            lines += std::to_string(first) + " " + std::to_string(first) + " " + std::to_string(end - first) + "\n";
    };
    keep(1, owner);
    keep(owner + 1, none);
    io::write_all(map.get(), lines, "the map of owners");
}

/** A user namespace that says: what belongs to root on the disk belongs to the caller. Nothing ever runs in it. */
UniqueFd owners_namespace(const Identity & caller, const std::string & what) {
    io::Pipe ready = io::make_pipe();
    io::Pipe hold = io::make_pipe();
    const pid_t pid = ::fork();
    if (pid < 0) throw SysError{errno, what};
    if (pid == 0) {
        hold.write_end.reset();
        char byte = ::unshare(CLONE_NEWUSER) == 0 ? '\0' : static_cast<char>(errno);
        (void)!::write(ready.write_end.get(), &byte, 1);
        (void)!::read(hold.read_end.get(), &byte, 1); // until the launcher hangs up, in whatever way
        ::_exit(0);
    }
    ready.write_end.reset();
    hold.read_end.reset();
    struct Reaped {
        pid_t pid;
        ~Reaped() {
            ::kill(pid, SIGKILL);
            while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
            }
        }
    } const child{pid};
    char why = 0;
    if (::read(ready.read_end.get(), &why, 1) != 1) throw Error{what + ": a child ended early"};
    if (why != 0) throw SysError{why, what + ": cannot make a user namespace"};
    write_map(pid, "uid_map", caller.uid, what);
    write_map(pid, "gid_map", caller.gid, what);
    UniqueFd space{::open(("/proc/" + std::to_string(pid) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC)};
    if (!space) throw SysError{errno, what};
    return space;
}

} // namespace

bool StepRunner::lacks_mount_point(const std::vector<ContainerPath> & paths) const {
    const auto lacks = [&](const ContainerPath & path) {
        std::string prefix;
        std::string deepest; // that the image has
        for (const std::string_view part : path.components()) {
            (prefix += '/') += part;
            if (!try_open_in_root(image_.mount.get(), prefix, O_PATH | O_NOFOLLOW)) {
                // The top level and /opt are made anew for each container, and need no overlay.
                return errno == ENOENT && !deepest.empty() && deepest != "/opt";
            }
            deepest = prefix;
        }
        return false;
    };
    for (const ContainerPath & path : paths)
        if (lacks(path)) return true;
    return false;
}

/** Detached: the image with other owners. Throws where the kernel cannot. */
UniqueFd StepRunner::image_of_caller(const std::string & what) const {
    UniqueFd image = clone_mount(image_.mount.get(), "", false, what);
    const UniqueFd space = owners_namespace(caller_, what);
    struct mount_attr attributes {};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<std::uint64_t>(space.get());
    if (::mount_setattr(image.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) return image;
    if (errno != EINVAL) throw SysError{errno, what};
    throw Error{
        what +
        ": this kernel cannot show an image with another owner; Linux 6.2 can, and so can squashfuse, if the site sets "
        "imageMount=fuse"};
}

void StepRunner::operator()(const OverlayImage & step) {
    if (!step.writable && !lacks_mount_point(step.mount_points)) return;
    set_stage("laying a writable layer over the image");
    const std::string what = step.writable ? "cannot make the container's root writable"
                                           : "cannot make mount points that the image does not have";
    if (image_.is_directory) throw Error{what + ": the image is a directory of the node"};
    // An overlay takes layers only from this namespace, so they stand on the image's own mount, which nobody sees.
    const UniqueFd memory = make_memory(step.size_bytes, {}, what);
    attach_mount(memory.get(), image_.mount.get(), what);
    layers_ = UniqueFd{::fcntl(memory.get(), F_DUPFD_CLOEXEC, 0)};
    if (!layers_) throw SysError{errno, what};
    UniqueFd lower = UniqueFd{::fcntl(image_.mount.get(), F_DUPFD_CLOEXEC, 0)};
    if (step.writable && !image_.is_callers) {
        lower = image_of_caller(what);
        attach_mount(lower.get(), make_and_open(memory.get(), "image", what).get(), what);
    }
    changeable_ = lay_overlay("upper", path_of(lower.get()), what);
    attach_mount(changeable_.get(), make_and_open(memory.get(), "whole", what).get(), what);
    image_device_ = status_of(changeable_.get(), what).st_dev;
    if (!step.writable) read_only_device_ = image_device_;

    UniqueFd shown = clone_mount(changeable_.get(), "", false, what);
    if (!step.writable) restrict_mount(shown.get(), {.read_only = true}, what);
    attach_mount(shown.get(), make_and_open(memory.get(), "shown", what).get(), what);
    image_.mount = std::move(shown);
}

UniqueFd StepRunner::lay_overlay(const std::string & upper, const std::string & lower, const std::string & what) const {
    const UniqueFd top = make_and_open(layers_.get(), upper.c_str(), what);
    const UniqueFd work = make_and_open(layers_.get(), (upper + "-work").c_str(), what);
    // What is made at its top belongs to whom the layer is for.
    if (writable_ && ::fchownat(top.get(), "", caller_.uid, caller_.gid, AT_EMPTY_PATH) != 0)
        throw SysError{errno, what};
    // Nothing in the image's extended attributes may lead anywhere: no redirects, no metadata-only copies. xino: a file
    // and its directory say the same device.
    std::vector<std::pair<std::string, std::string>> options = {{"source", "image"},
                                                                {"lowerdir", lower},
                                                                {"upperdir", path_of(top.get())},
                                                                {"workdir", path_of(work.get())},
                                                                {"redirect_dir", "nofollow"},
                                                                {"metacopy", "off"},
                                                                {"index", "off"},
                                                                {"xino", "on"}};
    if (!in_user_namespace()) return make_mount("overlay", options, false, what);
    options.emplace_back("userxattr", ""); // its marks: those of root, trusted.*, are not ours to set
    try {
        return make_mount("overlay", options, false, what);
    } catch (const SysError & error) {
        if (error.error_number() != EPERM) throw;
        throw Error{what + ": this node lays no overlay for a user; Linux 5.11 can, and so can a set-id shifter"};
    }
}

UniqueFd StepRunner::twin_for_changes(int directory, const std::string & what) const {
    if (!changeable_) return {};
    const struct stat shown = status_of(directory, what);
    if (shown.st_dev != image_device_) return {};
    const auto place = place_in_root(directory);
    if (!place) return {};
    UniqueFd twin = try_open_in_root(changeable_.get(), *place, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!twin) return {};
    const struct stat status = status_of(twin.get(), what);
    return status.st_dev == shown.st_dev && status.st_ino == shown.st_ino ? std::move(twin) : UniqueFd{};
}

std::optional<std::string> StepRunner::place_in_root(int fd) const {
    const auto path = [](int of) {
        std::array<char, PATH_MAX> buffer{};
        const ssize_t length = ::readlink(path_of(of).c_str(), buffer.data(), buffer.size() - 1);
        if (length < 0) throw SysError{errno, "cannot find out a path in the container"};
        return std::string{buffer.data(), static_cast<std::size_t>(length)};
    };
    const std::string root = path(root_.get());
    const std::string found = path(fd);
    if (found == root) return "/";
    if (found.compare(0, root.size() + 1, root + "/") != 0) return std::nullopt;
    return found.substr(root.size());
}

void StepRunner::operator()(const OwnDirectories & step) {
    for (const ContainerPath & path : step.paths) {
        const std::string what = "cannot give " + quoted(path.to_string()) + " in the container to the caller";
        const UniqueFd directory = try_open_in_root(root_.get(), path.to_string(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
        if (!directory || !on_own_file_system(directory.get())) continue; // a mount's: the site's, or his already
        if (::fchownat(directory.get(), "", caller_.uid, caller_.gid, AT_EMPTY_PATH) != 0) throw SysError{errno, what};
    }
}

} // namespace shifter::privileged
