// perNodeCache (contract 4.3): an xfs of the caller's in a file of the node that has no name, so nobody else can open
// it, and that is gone with its last mount (H4-9 done right).
#include "privileged/steps.hpp"

#include "base/error.hpp"
#include "privileged/helper.hpp"
#include "privileged/loop_device.hpp"
#include "privileged/system.hpp"
#include "privileged/watchdog.hpp"
#include "site/trusted_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <limits>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

/** A directory of root's, on the way of which nobody else can change a name; it may be for all, if it is sticky. */
UniqueFd open_cache_directory(const std::string & path, const std::string & what) {
    const std::size_t slash = path.rfind('/');
    const TrustedFile parent =
        TrustedFile::open(slash == 0 ? "/" : path.substr(0, slash), {.kind = TrustedFile::Kind::directory});
    UniqueFd directory{
        ::openat(parent.fd(), path.c_str() + slash + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!directory) throw SysError{errno, what + ": cannot open perNodeCachePath " + quoted(path)};
    const struct stat status = status_of(directory.get(), what);
    const bool others_write = (status.st_mode & 0022U) != 0;
    if (status.st_uid != 0 || (others_write && (status.st_mode & S_ISVTX) == 0))
        throw Error{what + ": perNodeCachePath " + quoted(path) +
                    " must be owned by root, and writable by nobody else unless it is sticky; chmod +t " + path};
    return directory;
}

UniqueFd make_nameless_file(int directory, const std::string & what) {
    UniqueFd file{::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    if (file || (errno != EOPNOTSUPP && errno != EISDIR)) {
        if (!file) throw SysError{errno, what};
        return file;
    }
    // A file system without such files: made under a name that is there for a moment, readable by root alone.
    const std::string name = ".perNodeCache." + std::to_string(::getpid());
    file.reset(::openat(directory, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) throw SysError{errno, what};
    if (::unlinkat(directory, name.c_str(), 0) != 0) throw SysError{errno, what};
    return file;
}

} // namespace

void StepRunner::operator()(const MountCache & step) {
    set_stage("making your perNodeCache");
    const Volume & volume = step.volume;
    const std::uint64_t size = volume.cache->size_bytes;
    const std::string what = "cannot make the perNodeCache for " + volume.to.to_string();
    const UniqueFd target = mount_point(volume.to, true);
    if (step.owner == VolumeOwner::user) check_volume_target(target.get(), what);
    const TrustedFile mkfs = TrustedFile::open(step.mkfs, {.kind = TrustedFile::Kind::executable});
    const UniqueFd directory = open_cache_directory(step.directory, what);
    const UniqueFd file =
        make_nameless_file(directory.get(), what + ": cannot make a file in " + quoted(step.directory));
    if (size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()) ||
        ::ftruncate(file.get(), static_cast<off_t>(size)) != 0)
        throw SysError{size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()) ? EFBIG : errno,
                       what + ": cannot make a file of " + std::to_string(size) + " bytes in " +
                           quoted(step.directory)};
    run_helper({.program = mkfs,
                .arguments = {"-q", "-f", "/proc/self/fd/3"},
                .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                .passed = file.get(),
                .quiet = true},
               what + " with " + std::to_string(size) + " bytes (mkfs.xfs takes no less than 300M)");
    const LoopDevice device = own_loop_device(file.get(), "perNodeCache");
    const UniqueFd mount = make_mount("xfs", {{"source", device.path}}, false, what);
    // Through a descriptor that can be read: the mount's own is no more than a place.
    const UniqueFd top{::openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!top || ::fchown(top.get(), caller_.uid, caller_.gid) != 0 || ::fchmod(top.get(), 0700) != 0)
        throw SysError{errno, what};
    if (volume.read_only) restrict_mount(mount.get(), {.read_only = true}, what);
    attach_mount(mount.get(), target.get(), what);
}

void StepRunner::operator()(const MountTmpfs & step) {
    set_stage("mounting your volumes");
    const std::string what = "cannot use volume " + name_of(step.volume);
    const UniqueFd target = mount_point(step.volume.to, true);
    if (step.owner == VolumeOwner::user) check_volume_target(target.get(), what);
    const UniqueFd mount = make_memory(step.size_bytes, &caller_, what);
    if (step.volume.read_only) restrict_mount(mount.get(), {.read_only = true}, what);
    attach_mount(mount.get(), target.get(), what);
}

UniqueFd StepRunner::make_memory(std::uint64_t size_bytes, const Identity * owner, const std::string & what) {
    std::vector<std::pair<std::string, std::string>> options = {{"source", "tmpfs"},
                                                                {"mode", owner != nullptr ? "1777" : "0755"}};
    if (owner != nullptr) {
        options.emplace_back("uid", std::to_string(owner->uid));
        options.emplace_back("gid", std::to_string(owner->gid));
    }
    if (size_bytes != 0) {
        options.emplace_back("size", std::to_string(size_bytes));
        // Empty files take memory, too: no more of them than there are pages, and some for the directories of ours.
        options.emplace_back("nr_inodes", std::to_string(size_bytes / 4096 + 64));
    }
    return make_mount("tmpfs", options, false, what);
}

} // namespace shifter::privileged
