/**
 * @file
 * System calls of the privileged side, one function each: they return what they made, or throw with `what` as the
 * sentence. Everything goes by descriptor; a path is walked beneath a descriptor, once (I9, I11).
 */
#pragma once

#include "base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace shifter::privileged {

/** What a file is called for this process while the descriptor is open: for calls that take no descriptor. */
[[nodiscard]] std::string path_of(int fd);
/** The fields of a stat that decisions are made on. */
[[nodiscard]] struct stat status_of(int fd, const std::string & what);

/**
 * openat2(2) as if `root` were "/": links, absolute ones included, and ".." stay inside, and /proc's magic links are
 * refused. `path` may begin with a slash. @return no descriptor and errno set, when that failed
 */
[[nodiscard]] UniqueFd try_open_in_root(int root, const std::string & path, std::uint64_t flags);

/** A copy of the mount at `source` (an entry of it, which is not followed, or the descriptor itself when `path` is
 * empty), not attached anywhere yet. */
[[nodiscard]] UniqueFd clone_mount(int source, const std::string & path, bool recursive, const std::string & what);

struct MountFlags {
    bool read_only = false;
    bool no_devices = true;
    bool no_executables = false;
    bool recursive = false;
    unsigned long propagation = 0; ///< MS_PRIVATE, MS_SLAVE, or 0 to leave it
};
/** Adds nosuid and what `flags` names; takes nothing away (H4-7). */
void restrict_mount(int mount, const MountFlags & flags, const std::string & what);

/** Puts a mount that is not attached on `target`. */
void attach_mount(int mount, int target, const std::string & what);
/** The same, on the entry `name` of `directory`, which is no link: nothing is followed. */
void attach_mount_at(int mount, int directory, const char * name, const std::string & what);

/** A new mount of a file system, not attached: nosuid, nodev, and ro where `read_only`. The options are key and value;
 * an empty value is a flag. */
[[nodiscard]] UniqueFd make_mount(const std::string & file_system,
                                  const std::vector<std::pair<std::string, std::string>> & options, bool read_only,
                                  const std::string & what);

struct DirectoryEntry {
    std::string name;
    unsigned char type; ///< DT_DIR …, as the file system says; DT_UNKNOWN where it does not
};
/** What is in a directory but "." and "..", names as bytes; more than `limit` is an error. */
[[nodiscard]] std::vector<DirectoryEntry> entries_in(int directory, std::size_t limit, const std::string & what);
/** Their names alone. */
[[nodiscard]] std::vector<std::string> names_in(int directory, std::size_t limit, const std::string & what);

} // namespace shifter::privileged
