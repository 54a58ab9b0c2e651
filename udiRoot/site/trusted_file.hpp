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
 * descriptor from "/" and must be owned by root (or by `also_owner`) and writable by nobody else; symbolic links on the
 * way are followed only where such a directory holds them.
 */
class TrustedFile {
public:
    enum class Kind { regular, directory, executable };

    struct Rules {
        Kind kind = Kind::regular;
        std::optional<uid_t> also_owner = std::nullopt; ///< the gateway account, for files in imagePath
    };

    /** @throws Error, naming the path and the component that others can write. */
    [[nodiscard]] static TrustedFile open(const std::string & path, const Rules & rules);
    [[nodiscard]] static TrustedFile open(const std::string & path) { return open(path, Rules{}); }

    [[nodiscard]] const std::string & path() const noexcept { return path_; }
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] UniqueFd release() && { return std::move(fd_); }
    [[nodiscard]] std::string read(std::size_t max_bytes) const;

private:
    TrustedFile(std::string path, UniqueFd fd) : path_{std::move(path)}, fd_{std::move(fd)} {}
    std::string path_;
    UniqueFd fd_;
};

} // namespace shifter
