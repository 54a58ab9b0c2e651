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
void StepRunner::check_volume_target(int target, const std::string & what) const {
    // Where the text led, links resolved: the rules hold for the place, not for its spelling (I12).
    const auto found = place_in_root(target);
    if (!found) throw Error{what + ": the destination is not in the container"};
    const auto place = ContainerPath::parse(*found);
    if (!place) throw Error{what + ": " + place.error().what};
    if (const auto why = refuse_destination(*place, VolumeOwner::user)) throw Error{what + ": " + *why};
    const dev_t device = status_of(target, what).st_dev;
    const bool allowed = device == root_device_ || (image_device_ != 0 && device == image_device_);
    const bool scratch = place->to_string() == "/tmp" || place->to_string() == "/var/tmp" ||
                         (place->is_at_or_below(ContainerPath::parse("/tmp").value_or_throw("a path")) &&
                          status_of(target, what).st_uid == caller_.uid);
    if (!allowed && !scratch) throw Error{what + ": the destination comes from the site; choose another one"};
}

namespace {

/** The path of an opened file of the node, as the kernel states it: no links, no "..". */
std::string host_path_of(int fd) {
    std::array<char, PATH_MAX> buffer{};
    const ssize_t length =
        ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), buffer.data(), buffer.size() - 1);
    if (length < 0) throw SysError{errno, "cannot find out the path of a volume's source"};
    return {buffer.data(), static_cast<std::size_t>(length)};
}

/** The site's directories without links. One that this node does not have is left out where that allows less. */
std::vector<std::string> resolved(const std::vector<std::string> & directories, bool keep_missing) {
    std::vector<std::string> result;
    for (const std::string & path : directories) {
        const UniqueFd directory{::open(path.c_str(), O_PATH | O_CLOEXEC)};
        if (directory)
            result.push_back(host_path_of(directory.get()));
        else if (keep_missing)
            result.push_back(path);
    }
    return result;
}

} // namespace

UniqueFd StepRunner::open_volume_source(const Volume & volume, const std::string & what) const {
    const std::string & path = volume.from.to_string();
    const UserSources & sources = plan_.user_sources;
    if (sources.allow.empty())
        return open_as_caller(caller_, root_.get(), path, 0, what + ", whose source is looked up in the container");
    // In the container first (4.4), then on the node, both as the caller. What is decided on is where the descriptor
    // is.
    if (UniqueFd found = open_as_caller_if_present(caller_, root_.get(), path, what)) return found;
    const UniqueFd node{::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!node) throw SysError{errno, what};
    UniqueFd found = open_as_caller(caller_, node.get(), path, 0, what);
    const UserSources here{resolved(sources.allow, false), resolved(sources.deny, true)};
    if (const auto why = refuse_host_source(host_path_of(found.get()), here)) throw Error{what + ": " + *why};
    return found;
}

void StepRunner::operator()(const BindVolume & step) {
    set_stage("mounting your volumes");
    const Volume & volume = step.volume;
    const std::string what = "cannot use volume " + name_of(volume);
    const UniqueFd source = open_volume_source(volume, what);
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
