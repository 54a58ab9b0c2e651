#include "privileged/system.hpp"

#include "base/error.hpp"
#include "privileged/user_namespace.hpp"

#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

/** What the kernel wrote about a failed file system context: the reason, where errno alone says little. */
std::string kernel_message(int context) {
    std::string text(512, '\0');
    const ssize_t count = ::read(context, text.data(), text.size());
    if (count <= 2) return {};
    text.resize(static_cast<std::size_t>(count));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.pop_back();
    return " (" + text.substr(2) + ")"; // in front stands "e ", "w " or "i "
}

} // namespace

std::string path_of(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

struct stat status_of(int fd, const std::string & what) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) throw SysError{errno, what};
    return status;
}

UniqueFd try_open_in_root(int root, const std::string & path, std::uint64_t flags) {
    struct open_how how {};
    how.flags = flags | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    for (int attempt = 0;; ++attempt) {
        UniqueFd fd{static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how))};
        // EAGAIN: something was renamed during the walk, and the kernel could not rule out an escape.
        if (fd || errno != EAGAIN || attempt == 100) return fd;
    }
}

UniqueFd clone_mount(int source, const std::string & path, bool recursive, const std::string & what) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    flags |= path.empty() ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    // Who may not unmount what is below may not part a mount from it, either (mount_namespaces(7)).
    if (recursive || in_user_namespace()) flags |= AT_RECURSIVE;
    UniqueFd mount{::open_tree(source, path.c_str(), flags)};
    if (!mount) throw SysError{errno, what};
    return mount;
}

void restrict_mount(int mount, const MountFlags & flags, const std::string & what) {
    struct mount_attr attributes {};
    attributes.attr_set = MOUNT_ATTR_NOSUID;
    if (flags.no_devices) attributes.attr_set |= MOUNT_ATTR_NODEV;
    if (flags.no_executables) attributes.attr_set |= MOUNT_ATTR_NOEXEC;
    if (flags.read_only) attributes.attr_set |= MOUNT_ATTR_RDONLY;
    attributes.propagation = flags.propagation;
    // What clone_mount() made whole is restricted as a whole: a clone is what is told its propagation.
    const bool whole_clone = in_user_namespace() && flags.propagation != 0;
    const unsigned how = AT_EMPTY_PATH | (flags.recursive || whole_clone ? AT_RECURSIVE : 0U);
    if (::mount_setattr(mount, "", how, &attributes, sizeof attributes) != 0) throw SysError{errno, what};
}

void attach_mount(int mount, int target, const std::string & what) {
    if (::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
        throw SysError{errno, what};
}

void attach_mount_at(int mount, int directory, const char * name, const std::string & what) {
    if (::move_mount(mount, "", directory, name, MOVE_MOUNT_F_EMPTY_PATH) != 0) throw SysError{errno, what};
}

UniqueFd make_mount(const std::string & file_system, const std::vector<std::pair<std::string, std::string>> & options,
                    bool read_only, const std::string & what) {
    UniqueFd context{::fsopen(file_system.c_str(), FSOPEN_CLOEXEC)};
    if (!context) throw SysError{errno, what};
    const auto check = [&](int result) {
        if (result == 0) return;
        const int why = errno;
        throw SysError{why, what + kernel_message(context.get())};
    };
    for (const auto & [key, value] : options)
        check(value.empty() ? ::fsconfig(context.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
                            : ::fsconfig(context.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0));
    // The superblock, too: one that is shared must be asked for in the same way each time.
    if (read_only) check(::fsconfig(context.get(), FSCONFIG_SET_FLAG, "ro", nullptr, 0));
    check(::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
    const unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (read_only ? MOUNT_ATTR_RDONLY : 0U);
    UniqueFd mount{::fsmount(context.get(), FSMOUNT_CLOEXEC, attributes)};
    if (!mount) throw SysError{errno, what};
    return mount;
}

std::vector<DirectoryEntry> entries_in(int directory, std::size_t limit, const std::string & what) {
    const UniqueFd readable{::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!readable) throw SysError{errno, what};
    alignas(struct dirent64) std::array<char, 8192> buffer{};
    std::vector<DirectoryEntry> entries;
    for (;;) {
        const ssize_t count = ::getdents64(readable.get(), buffer.data(), buffer.size());
        if (count < 0) throw SysError{errno, what};
        if (count == 0) return entries;
        for (ssize_t at = 0; at < count;) {
            const auto * const entry = reinterpret_cast<const struct dirent64 *>(buffer.data() + at);
            at += entry->d_reclen;
            const std::string name = entry->d_name;
            if (name == "." || name == "..") continue;
            if (entries.size() == limit) throw Error{what + ": it has more than " + std::to_string(limit) + " entries"};
            entries.push_back({name, entry->d_type});
        }
    }
}

std::vector<std::string> names_in(int directory, std::size_t limit, const std::string & what) {
    std::vector<std::string> names;
    for (DirectoryEntry & entry : entries_in(directory, limit, what)) names.push_back(std::move(entry.name));
    return names;
}

} // namespace shifter::privileged
