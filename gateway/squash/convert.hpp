/**
 * @file
 * Layers in, one squashfs file out: the whole conversion as one call. Nothing is unpacked on disk, and no privilege is
 * needed.
 *
 * Memory: at most Options::memory_bytes() plus about 300 bytes for each path of the image, whatever its size.
 */
#pragma once

#include "base/digest.hpp"
#include "oci/byte_source.hpp"
#include "oci/manifest.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace shifter::squash {

enum class Codec { zstd, gzip, lz4, xz };
enum class Owners { squash, keep };  ///< all 0:0 (Shifter's way), or as in the layers
enum class Modes { readable, keep }; ///< a+rX,u+w (contract 8.4, H8-4), or as in the layers; set-id bits go always (I22)
enum class Xattrs { none, user };    ///< no extended attributes, or those of the user. namespace; never privileged ones

/** Site settings; the same settings and the same manifest give the same bytes. */
struct Options {
    Codec codec = Codec::zstd;
    int level = 3;
    std::uint32_t block_bytes = 64U << 10U; ///< power of two, 4 KiB to 1 MiB; default measured by tests/bench/node
    Owners owners = Owners::squash;
    Modes modes = Modes::readable;
    Xattrs xattrs = Xattrs::none;
    unsigned threads = 0;                   ///< compressors; 0: one for each core
    unsigned parallel_layers = 4;           ///< layers that are downloaded and decoded ahead
};

/** Bounds for a hostile image (I23), each a configuration key. Counted on what is really produced. */
struct Limits {
    std::uint64_t max_entries = 20'000'000;
    std::uint64_t max_unpacked_bytes = std::uint64_t{1} << 40U;
    std::uint64_t max_layer_unpacked_bytes = std::uint64_t{1} << 39U;
    std::uint32_t max_path_bytes = 4095;
    std::uint32_t max_depth = 1000;
    std::uint32_t max_header_bytes = 1U << 20U; ///< extended headers of one entry
};

/** One layer, lowest first in the list. */
struct LayerInput {
    oci::Descriptor blob;
    Digest diff_id;
    /** Opens the compressed bytes; called once, from any thread. The source checks the blob's digest and size. */
    std::function<std::unique_ptr<oci::ByteSource>()> open;
};

struct Result {
    std::uint64_t size_bytes = 0;    ///< of the squashfs file
    std::uint64_t entries = 0;       ///< paths in it
    std::uint64_t unpacked_bytes = 0;///< of the files in it
    std::uint64_t dropped_devices = 0;
    std::uint64_t dropped_setid = 0;
    std::uint64_t dropped_xattrs = 0;
};

/**
 * Writes the squashfs to `output` (an empty, seekable, writable file that the caller owns; it is not synced here).
 *
 * @param layers       lowest first, as in the manifest
 * @param created      seconds since the epoch for the superblock and for directories that no layer describes
 * @param stop         a request ends the conversion within a second, by Error
 * @throws Error       in words, when a layer breaks a rule, a limit or its digest, or when the disk is full; `output`
 *                     holds a prefix then, and its owner discards it
 */
[[nodiscard]] Result convert(std::vector<LayerInput> layers, int output, std::uint32_t created, const Options & options,
                             const Limits & limits, std::stop_token stop);

} // namespace shifter::squash
