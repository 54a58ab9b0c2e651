#include "privileged/image_mount.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "privileged/child.hpp"
#include "privileged/fuse_mount.hpp"
#include "privileged/loop_device.hpp"
#include "privileged/system.hpp"
#include "privileged/user_namespace.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/mount.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

/** The one agreed format (I17): the kernel is asked to read nothing that does not say it is squashfs 4. */
void check_squashfs(int file, const std::string & name) {
    std::array<char, 32> header{};
    const ssize_t count = ::pread(file, header.data(), header.size(), 0);
    if (count < 0) throw SysError{errno, "cannot read the image " + name};
    constexpr std::string_view magic = "hsqs";
    const bool right = count == static_cast<ssize_t>(header.size()) &&
                       std::string_view{header.data(), magic.size()} == magic && header[28] == 4 && header[29] == 0;
    if (!right) throw Error{"cannot mount the image " + name + ": it is not a squashfs file"};
}

UniqueFd mount_by_kernel(int file, const std::string & name) {
    const LoopDevice device = loop_device_for(file, name);
    log::info("the kernel mounts the image, on " + device.path + (device.shared ? ", as other launches do" : ""));
    return make_mount("squashfs", {{"source", device.path}}, true, "cannot mount the image " + name);
}

/** Errors that say "this kernel cannot", not "this file is broken". */
bool kernel_cannot(const SysError & error) {
    // ENODEV: no squashfs; ENOENT, ENXIO, EPERM: no loop devices here; EINVAL: a codec that it was built without.
    return error.error_number() == ENODEV || error.error_number() == ENOENT || error.error_number() == ENXIO ||
           error.error_number() == EINVAL || error.error_number() == EPERM;
}

} // namespace

MountedImage mount_image(int file, const std::string & name, ImageMount how, const Identity & caller,
                         bool for_changes) {
    check_squashfs(file, name);
    if (in_user_namespace()) {
        if (how == ImageMount::kernel)
            throw Error{"cannot mount the image " + name +
                        ": the site's imageMount is kernel, which needs root, and "
                        "shifter is not installed set-id root here"};
        how = ImageMount::fuse; // the kernel mounts squashfs for nobody but root
    }
    const auto by_fuse = [&] {
        const bool callers = for_changes || in_user_namespace();
        return MountedImage{mount_by_fuse(file, name, caller, callers ? Owners::caller : Owners::image), false,
                            callers};
    };
    if (how == ImageMount::fuse) {
        log::info(std::string{"squashfuse serves the image"} + (in_user_namespace() ? ", in a user namespace" : ""));
        return by_fuse();
    }
    try {
        return {mount_by_kernel(file, name)};
    } catch (const SysError & error) {
        if (how == ImageMount::kernel || !kernel_cannot(error)) throw;
        log::info(std::string{error.what()} + "; using squashfuse instead");
    }
    return by_fuse();
}

MountedImage mount_local_image(const std::string & path, const Identity & caller) {
    const std::string what = "cannot use the directory " + quoted(path) + " as an image";
    const UniqueFd root{::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!root) throw SysError{errno, what};
    const UniqueFd directory = open_as_caller(caller, root.get(), path, O_DIRECTORY, what);
    MountedImage image{clone_mount(directory.get(), "", false, what), true};
    restrict_mount(image.mount.get(), {.read_only = true, .propagation = MS_PRIVATE}, what);
    return image;
}

} // namespace shifter::privileged
