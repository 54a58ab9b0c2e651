// A user's volume (contract 4.4): the source is looked up as the caller, the destination is decided on what was found,
// and both are descriptors from then on (I9, I10, I12; H4-4 to H4-8).
#include "privileged/steps.hpp"

#include "base/error.hpp"
#include "privileged/child.hpp"
#include "privileged/system.hpp"
#include "privileged/watchdog.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

std::string path_of(int fd) {
    std::array<char, PATH_MAX> buffer{};
    const ssize_t length =
        ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), buffer.data(), buffer.size() - 1);
    if (length < 0) throw SysError{errno, "cannot find out the path of a mount point"};
    return buffer.data();
}

} // namespace

void StepRunner::check_volume_target(int target, const std::string & what) const {
    // Where the text led, links resolved: the rules hold for the place, not for its spelling (I12).
    const std::string root = path_of(root_.get());
    const std::string found = path_of(target);
    if (found.compare(0, root.size() + 1, root + "/") != 0)
        throw Error{what + ": the destination is not in the container"};
    const auto place = ContainerPath::parse(found.substr(root.size()));
    if (!place) throw Error{what + ": " + place.error().what};
    if (const auto why = refuse_destination(*place, VolumeOwner::user)) throw Error{what + ": " + *why};
    const dev_t device = status_of(target, what).st_dev;
    const bool allowed = device == root_device_ || (image_device_ != 0 && device == image_device_);
    const bool scratch = place->to_string() == "/tmp" || place->to_string() == "/var/tmp" ||
                         (place->is_at_or_below(ContainerPath::parse("/tmp").value_or_throw("a path")) &&
                          status_of(target, what).st_uid == caller_.uid);
    if (!allowed && !scratch) throw Error{what + ": the destination comes from the site; choose another one"};
}

void StepRunner::operator()(const BindVolume & step) {
    set_stage("mounting your volumes");
    const Volume & volume = step.volume;
    const std::string what = "cannot use volume " + volume.from.to_string() + ":" + volume.to.to_string();
    const UniqueFd source = open_as_caller(caller_, root_.get(), volume.from.to_string(), 0, what);
    const mode_t type = status_of(source.get(), what).st_mode;
    if (!S_ISDIR(type) && !S_ISREG(type))
        throw Error{what + ": " + quoted(volume.from.to_string()) + " is neither a directory nor a file"};
    const UniqueFd target = mount_point(volume.to, S_ISDIR(type));
    check_volume_target(target.get(), what);
    const UniqueFd mount = clone_mount(source.get(), "", false, what);
    restrict_mount(mount.get(), {.read_only = volume.read_only, .propagation = MS_PRIVATE}, what);
    attach_mount(mount.get(), target.get(), what);
}

} // namespace shifter::privileged
