/**
 * @file
 * Where the files of a tar archive on disk begin: image archives (docker save, podman save, OCI) are read by name, and
 * their layers in place.
 */
#pragma once

#include "layers/limits.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace shifter::layers {

/** A stretch of the archive. */
struct ArchivedFile {
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
};

class ArchiveIndex {
public:
    /** An image archive holds a document or a layer an entry: more entries are something else. */
    static constexpr std::size_t most_entries = 10'000;

    /**
     * Reads the headers of the archive in `fd`, and skips the bodies. Regular files count, and links to them (docker
     * save writes some layers so); of two with one name the last, as when it is unpacked.
     * @param size_bytes  of the file
     * @throws Error  when it is no uncompressed tar archive, ends early, or has too many entries
     */
    ArchiveIndex(int fd, std::uint64_t size_bytes, const Limits & limits);

    /** By its path in the archive, in normal form; links are followed, a few. */
    [[nodiscard]] std::optional<ArchivedFile> find(const std::string & path) const;

private:
    std::map<std::string, ArchivedFile> files_;
    std::map<std::string, std::string> links_;
};

} // namespace shifter::layers
