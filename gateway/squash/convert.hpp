/**
 * @file
 * Layers in, one squashfs file out: the whole conversion as one call. Nothing is unpacked on disk, and no privilege is
 * needed.
 *
 * Memory: at most Options::memory_bytes(), plus 300 bytes for each path of the image and 4 for each block of its files,
 * whatever its size.
 */
#pragma once

#include "base/digest.hpp"
#include "layers/limits.hpp"
#include "oci/byte_source.hpp"
#include "oci/manifest.hpp"
#include "squash/options.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace shifter::squash {

class LayerReuse; // layer_cache.hpp

/** Bounds for a hostile image (I23). */
using Limits = layers::Limits;

/** One layer, lowest first in the list. */
struct LayerInput {
    oci::Descriptor blob;
    Digest diff_id;
    /**
     * Opens the compressed bytes; called from any thread. The source checks the blob's digest and size. Called once,
     * and once more for a layer with a hard link whose target an upper layer hides: its body was passed over, and is
     * fetched.
     */
    std::function<std::unique_ptr<oci::ByteSource>()> open;
    /** Optional: makes reads of the source that are under way end soon. Called when the conversion has failed. */
    std::function<void()> cancel = {};
    /** Asked before what the layer cache has of this layer is used: may this image's reader read the layer, at its
     * registry, now (I31)? From any thread, at most once. */
    std::function<bool()> may_reuse = {};
    /** Optional: the layer came from the cache, and will not be opened. */
    std::function<void()> on_reused = {};
};

struct Result {
    std::uint64_t size_bytes = 0;     ///< of the squashfs file
    std::uint64_t entries = 0;        ///< paths in it
    std::uint64_t unpacked_bytes = 0; ///< of the files in it
    std::uint64_t reused_layers = 0;  ///< that came from the cache
    std::uint64_t dropped_devices = 0;
    std::uint64_t dropped_setid = 0;
    std::uint64_t dropped_xattrs = 0;
};

/**
 * Writes the squashfs to `output` (an empty, seekable, writable file that the caller owns; it is not synced here).
 *
 * @param layers       lowest first, as in the manifest
 * @param created      seconds since the epoch for the superblock and for directories that no layer describes
 * @param reuse        what earlier conversions have left, or null; its bytes are those that converting anew would give
 * @param stop         a request ends the conversion within a second, by Error
 * @throws Error       in words, when a layer breaks a rule, a limit or its digest, or when the disk is full; `output`
 *                     holds a prefix then, and its owner discards it
 */
[[nodiscard]] Result convert(const std::vector<LayerInput> & layers, int output, std::uint32_t created,
                             const Options & options, const Limits & limits, const std::stop_token & stop,
                             LayerReuse * reuse = nullptr);

} // namespace shifter::squash
