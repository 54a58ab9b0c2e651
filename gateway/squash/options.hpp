/**
 * @file
 * How a squashfs is made: the site's settings. The same settings and the same manifest give the same bytes.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace shifter::squash {

enum class Codec { zstd, gzip, lz4, xz };
enum class Owners { squash, keep }; ///< all 0:0 (Shifter's way), or as in the layers
enum class Modes {
    readable,
    keep
};                                ///< a+rX,u+w (contract 8.4, H8-4), or as in the layers; set-id bits go always (I22)
enum class Xattrs { none, user }; ///< no extended attributes, or those of the user. namespace; never privileged ones

struct Options {
    Codec codec = Codec::zstd;
    int level = 3; ///< zstd 1 to 22, gzip 1 to 9, xz 0 to 9; lz4: more than 1 means its high compression
    std::uint32_t block_bytes = 64U << 10U; ///< power of two, 4 KiB to 1 MiB; default measured by tests/bench/node
    Owners owners = Owners::squash;
    Modes modes = Modes::readable;
    Xattrs xattrs = Xattrs::none;
    unsigned threads = 0;         ///< compressors; 0: one for each core
    unsigned parallel_layers = 4; ///< layers that are downloaded and decoded at a time

    /** @throws Error  when a value is out of its range; convert() calls it */
    void check() const;
    [[nodiscard]] unsigned compressors() const;
    /** Blocks that may wait for a compressor or for the disk. */
    [[nodiscard]] std::size_t backlog() const;
    /** What a conversion holds at most beside the tree (and beside what the layers' sources hold). */
    [[nodiscard]] std::size_t memory_bytes() const;
};

} // namespace shifter::squash
