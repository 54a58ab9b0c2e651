/**
 * @file
 * A file that privileged code may believe: nobody but root (or one named account) could have written it (I37, I4, I17).
 */
#pragma once

#include "base/unique_fd.hpp"

#include <optional>
#include <string>
#include <sys/types.h>

namespace shifter {

/**
 * Opened, checked by its descriptor, and read through that same descriptor. Every directory on the way is walked by
 * descriptor from "/" and must be owned by root (or by `also_owner`) and writable by nobody else, sticky or not;
 * symbolic links on the way (at most 40) are followed only where such a directory holds them. Where a file has a POSIX
 * ACL, the group bits of its mode are the mask of that ACL, so that "not writable by its group" covers every entry.
 */
class TrustedFile {
public:
    enum class Kind { regular, directory, executable };

    struct Rules {
        Kind kind = Kind::regular;
        std::optional<uid_t> also_owner = std::nullopt; ///< the gateway account, for files in imagePath
    };

    /** @throws Error, naming the path, the component that others can write, and the command that mends it. */
    [[nodiscard]] static TrustedFile open(const std::string & path, const Rules & rules);
    [[nodiscard]] static TrustedFile open(const std::string & path) { return open(path, Rules{}); }
    /** Nothing where there is no such file or directory. */
    [[nodiscard]] static std::optional<TrustedFile> open_if_present(const std::string & path, const Rules & rules);

    /**
     * From here on, directories that nobody but root could change are kept open, and a walk begins at the last of them
     * that is on its way. For a program of one thread, while it is in one mount namespace and one user's; what was
     * remembered before is forgotten first.
     */
    static void remember_directories();
    static void forget_directories() noexcept;

    /**
     * Which uid stands for root besides 0. In a user namespace, what the node's root owns belongs to the overflow uid.
     * Only for a process that has no privilege on the node, where trust protects its caller from his own mistakes.
     */
    static void take_for_root(uid_t uid) noexcept;
    /** Whether `uid` is root's, as far as trust goes. */
    [[nodiscard]] static bool is_root(uid_t uid) noexcept;

    [[nodiscard]] const std::string & path() const noexcept { return path_; }
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] UniqueFd release() && { return std::move(fd_); }
    /** The whole content. @throws Error when it has more than `max_bytes` */
    [[nodiscard]] std::string read(std::size_t max_bytes) const;

private:
    TrustedFile(std::string path, UniqueFd fd) : path_{std::move(path)}, fd_{std::move(fd)} {}
    std::string path_;
    UniqueFd fd_;
};

} // namespace shifter
