/**
 * @file
 * One entry of a layer, as the tar archive states it, with its names already in normal form.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace shifter::layers {

struct LayerEntry {
    enum class Kind { file, directory, symlink, hard_link, fifo, device };

    Kind kind = Kind::file;
    std::string path;       ///< bytes; no leading slash, no ".", "..", empty component; "" is the root
    std::uint32_t mode = 0; ///< 07777
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t mtime = 0;       ///< seconds since the epoch
    std::uint64_t size_bytes = 0; ///< of a file, holes included
    std::string link;             ///< symlink: its text; hard link: the path of its target, in the form of `path`
    std::vector<std::pair<std::string, std::string>> xattrs; ///< names with their namespace, and values
};

/** Takes the content of one file, from front to back. */
class BodySink {
public:
    virtual ~BodySink() = default;
    virtual void data(std::span<const std::byte> bytes) = 0;
    virtual void hole(std::uint64_t bytes) = 0;
};

/** The entries of one layer, in the archive's order. */
class EntrySource {
public:
    virtual ~EntrySource() = default;
    /** The next entry, or false at the end; what was left of the last body is skipped. @throws Error naming the layer */
    [[nodiscard]] virtual bool next(LayerEntry & entry) = 0;
    /** Gives the body of the current file to `sink`: exactly entry.size_bytes, holes included. At most once. */
    virtual void read_body(BodySink & sink) = 0;
    /** For messages: "layer sha256:…". */
    [[nodiscard]] virtual const std::string & name() const noexcept = 0;
};

} // namespace shifter::layers
