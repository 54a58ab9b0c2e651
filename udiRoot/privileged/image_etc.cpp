// Steps that look into an image. What an image holds is data of somebody else: nothing in it is opened for more than
// its place (O_PATH), no link in it is followed but beneath its own root, and its size is bounded (I11, I20).
#include "privileged/steps.hpp"

#include "base/error.hpp"
#include "privileged/system.hpp"
#include "privileged/user_namespace.hpp"
#include "privileged/watchdog.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

/** Entries that may become mounts of one container; far above what images have, and below what the kernel allows. */
constexpr std::size_t max_merged = 4096;

/** A directory that is not there may be left out; one that cannot be opened for another reason may not (I7). */
bool is_absent(int why) { return why == ENOENT || why == ENOTDIR || why == ELOOP; }

/** Whether a directory of the image is empty, as squashfs says it; then the new one gets its owner and mode. */
bool is_empty_twin(int from, int to, const char * name, const std::string & what) {
    constexpr off_t size_of_none = 3; // the format counts three bytes more than a list has
    struct stat image {};
    if (::fstatat(from, name, &image, AT_SYMLINK_NOFOLLOW) != 0) throw SysError{errno, what};
    if (!S_ISDIR(image.st_mode) || image.st_nlink != 2 || image.st_size != size_of_none) return false;
    const bool is_roots = image.st_uid == 0 && image.st_gid == 0;
    if ((!is_roots && ::fchownat(to, name, image.st_uid, image.st_gid, AT_SYMLINK_NOFOLLOW) != 0) ||
        ((image.st_mode & 07777U) != 0755 && ::fchmodat(to, name, image.st_mode & 07777U, 0) != 0))
        throw SysError{errno, what};
    return true;
}

} // namespace

bool StepRunner::is_merged(const std::string & path) const {
    const auto merges = [&](const Step & step) {
        const auto * const merge = std::get_if<MergeImage>(&step);
        return merge != nullptr && merge->directory.to_string() == path;
    };
    return path == "/etc" || std::any_of(plan_.steps.begin(), plan_.steps.end(), merges);
}

void StepRunner::merge_entry(int from, int to, const std::string & directory, const DirectoryEntry & entry) {
    const char * const name = entry.name.c_str();
    const std::string path = (directory == "/" ? "" : directory) + "/" + entry.name;
    const std::string what = "cannot show the image's " + quoted(path);
    unsigned char type = entry.type;
    if (type == DT_UNKNOWN) {
        struct stat status {};
        if (::fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) != 0) throw SysError{errno, what};
        type = static_cast<unsigned char>(IFTODT(status.st_mode));
    }
    if (type != DT_LNK && type != DT_DIR && type != DT_REG)
        return; // FIFOs, sockets and devices are nobody's business here (5.5)
    std::array<char, PATH_MAX> target{};
    if (type == DT_LNK && ::readlinkat(from, name, target.data(), target.size() - 1) < 0) throw SysError{errno, what};
    UniqueFd file;
    if (type == DT_REG) file.reset(::openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    const bool made = type == DT_REG   ? static_cast<bool>(file)
                      : type == DT_DIR ? ::mkdirat(to, name, 0755) == 0
                                       : ::symlinkat(target.data(), to, name) == 0;
    if (!made && errno == EEXIST) {
        if (!is_merged(path)) hidden_.push_back(path);
        return;
    }
    if (!made) throw SysError{errno, what};
    if (type == DT_LNK) return;
    // Without a mount of its own, where nobody can write: in a root that is sealed at last. One of the node may change.
    const bool may_do_without = std::holds_alternative<SealRoot>(plan_.steps.back()) && !image_.is_directory;
    if (type == DT_DIR && may_do_without && !in_user_namespace() && is_empty_twin(from, to, name, what)) return;
    // The copy has the image mount's flags: read-only, nosuid, nodev.
    const UniqueFd mount = clone_mount(from, entry.name, false, what);
    // A directory of the node may change meanwhile: what counts is what was cloned. The kernel itself mounts
    // directories on directories only.
    if (type == DT_REG && !S_ISREG(status_of(mount.get(), what).st_mode)) throw Error{what + ": it was just exchanged"};
    attach_mount_at(mount.get(), to, name, what);
}

void StepRunner::operator()(const MergeImage & step) {
    set_stage("reading the image");
    const std::string & directory = step.directory.to_string();
    const UniqueFd to = try_open_in_root(root_.get(), directory, O_PATH | O_DIRECTORY);
    const std::string what = "cannot read the image's " + quoted(directory);
    if (!to && !is_absent(errno)) throw SysError{errno, what};
    if (!to || !on_own_file_system(to.get())) return; // a mount of the site's covers it
    const UniqueFd from = try_open_in_root(image_.mount.get(), directory, O_PATH | O_DIRECTORY);
    if (!from && is_absent(errno)) return; // the image has no such directory
    if (!from) throw SysError{errno, what};
    const auto entries = entries_in(from.get(), max_merged, what);
    merged_ += entries.size();
    if (merged_ > max_merged)
        throw Error{"cannot use the image: its top level, /var and /opt have more than " + std::to_string(max_merged) +
                    " entries"};
    forget_parent();
    for (const DirectoryEntry & entry : entries) merge_entry(from.get(), to.get(), directory, entry);
}

void StepRunner::operator()(const MergeEtc & step) {
    set_stage("reading the image");
    const UniqueFd image = try_open_in_root(image_.mount.get(), "/etc", O_PATH | O_DIRECTORY);
    if (!image && is_absent(errno)) return;
    if (!image) throw SysError{errno, "cannot read the image's \"/etc\""};
    const UniqueFd site = try_open_in_root(root_.get(), "/etc", O_PATH | O_DIRECTORY);
    if (!site) throw SysError{errno, "cannot open the container's /etc"};
    const std::string what = "cannot lay the site's /etc over the image's";
    std::vector<std::pair<const ContainerPath *, UniqueFd>> mounts;
    for (const ContainerPath & path : step.whole) {
        const UniqueFd directory = try_open_in_root(root_.get(), path.to_string(), O_RDONLY | O_DIRECTORY);
        if (directory && in_user_namespace()) { // the mark is root's to set
            mounts.emplace_back(&path, clone_mount(directory.get(), "", true, what));
            continue;
        }
        if (!directory || ::fsetxattr(directory.get(), "trusted.overlay.opaque", "y", 1, 0) != 0)
            throw SysError{errno, what};
    }
    UniqueFd merged;
    try {
        const std::string lower = path_of(site.get()) + ":" + path_of(image.get());
        // Nothing in the image's extended attributes may lead anywhere: no redirects, no metadata-only copies.
        merged = step.writable ? lay_overlay("etc", lower, what)
                               : make_mount("overlay",
                                            {{"source", "etc"},
                                             {"lowerdir", lower},
                                             {"redirect_dir", "nofollow"},
                                             {"metacopy", "off"},
                                             {"index", "off"}},
                                            true, what);
    } catch (const SysError & error) {
        if (error.error_number() != ENODEV) throw;
        // A kernel without overlay: entry by entry, as for the top level.
        return (*this)(MergeImage{ContainerPath::parse("/etc").value_or_throw("a path")});
    }
    for (const ContainerPath & path : step.on_top)
        mounts.emplace_back(&path, try_open_in_root(root_.get(), path.to_string(), O_PATH | O_NOFOLLOW));
    attach_mount(merged.get(), site.get(), what);
    forget_parent();
    for (const auto & [path, mount] : mounts) {
        const UniqueFd target = try_open_in_root(root_.get(), path->to_string(), O_PATH | O_NOFOLLOW);
        if (!mount || !target) throw SysError{errno, "cannot keep the site's " + quoted(path->to_string())};
        attach_mount(mount.get(), target.get(), "cannot keep the site's " + quoted(path->to_string()));
    }
}

} // namespace shifter::privileged
