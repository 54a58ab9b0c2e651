#include "privileged/rootfs.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "privileged/readback.hpp"
#include "privileged/steps.hpp"
#include "privileged/watchdog.hpp"
#include "site/trusted_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

/** I14: nothing of ours gets out. Unmounts on the node still come in, so that no container keeps a file system busy. */
void leave_node_namespace() {
    if (::unshare(CLONE_NEWNS) != 0) throw SysError{errno, "cannot make a mount namespace"};
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
        throw SysError{errno, "cannot cut the mount namespace off from the node's"};
}

/** I15: pivot_root(2) with both places the same puts the old root on top of the new one, from where it is detached. */
void enter(int root) {
    if (::fchdir(root) != 0) throw SysError{errno, "cannot enter the container's root"};
    if (::syscall(SYS_pivot_root, ".", ".") != 0) throw SysError{errno, "cannot make the container's root the root"};
    if (::umount2(".", MNT_DETACH) != 0) throw SysError{errno, "cannot detach the old root"};
    if (::chdir("/") != 0) throw SysError{errno, "cannot enter the container's root"};
}

} // namespace

Rootfs build(const Privileged & root, const MountPlan & plan, MountedImage image) {
    leave_node_namespace();
    TrustedFile::remember_directories(); // those of the new namespace: nothing can be mounted on others
    // The node's /proc, for the read-back: an image cannot give this process another one.
    const UniqueFd own_process{::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!own_process) throw SysError{errno, "cannot open /proc/self"};
    StepRunner runner{root.caller(), plan, std::move(image)};
    for (const Step & step : plan.steps) std::visit(runner, step);
    TrustedFile::forget_directories();
    set_stage("entering the container's root");
    enter(runner.root());
    verify_mounts(own_process.get(), runner.read_only_device());
    for (const std::string & hidden : runner.hidden()) log::info("the image's " + hidden + " is hidden by the site's");
    return Rootfs{};
}

} // namespace shifter::privileged
