/**
 * @file
 * What a layer's files become, whoever asks for them: a layer is packed the same way in each image that holds it, so
 * that a later conversion can copy what an earlier one has written.
 *
 * A file of a block or more has blocks of its own. Smaller ones lie in fragment blocks, in the archive's order, hidden
 * files included: what is in a fragment block must not depend on what upper layers hide.
 */
#pragma once

#include "layers/segmented.hpp"
#include "oci/keyed_hash.hpp"

#include <cstdint>

namespace shifter::squash {

using oci::Fingerprint;

inline constexpr std::uint32_t nowhere = 0xffffffff;
inline constexpr std::uint64_t absent = ~std::uint64_t{0};        ///< was never compressed, or is gone
inline constexpr std::uint64_t in_entry = std::uint64_t{1} << 62U; ///< an offset in the cache's entry, not in the image
inline constexpr std::uint32_t stored_plain = 1U << 24U;          ///< squashfs: a block that did not get smaller
inline constexpr std::uint32_t fragment_mark = 1U << 31U;         ///< in LayerBlocks::order

/** Bytes of a block in the file, of its size as squashfs writes it. */
[[nodiscard]] constexpr std::uint32_t stored_bytes(std::uint32_t size_word) { return size_word & (stored_plain - 1); }

struct StoredFile {
    Fingerprint fingerprint{};           ///< of a small file's content; of a big one's size words and their blocks' own
    std::uint64_t size_bytes = 0;        ///< unpacked
    std::uint64_t offset = absent;       ///< of the first block; of a small file: in its fragment block, unpacked
    std::uint32_t first_block = nowhere; ///< in LayerBlocks::block_sizes
    std::uint32_t fragment = nowhere;    ///< the number of the fragment block, of a small file
};

struct StoredFragment {
    Fingerprint fingerprint{}; ///< of the compressed bytes
    std::uint64_t offset = absent;
    std::uint32_t size_word = 0;
    std::uint32_t reserved = 0;
};

struct LayerBlocks {
    layers::Segmented<StoredFile> files; ///< with a body, in the archive's order
    layers::Segmented<StoredFragment> fragments;
    layers::Segmented<std::uint32_t> block_sizes; ///< as squashfs writes them
    layers::Segmented<std::uint32_t> order;       ///< numbers of big files, and of fragments with fragment_mark
};

[[nodiscard]] constexpr std::uint32_t block_count(std::uint64_t size_bytes, std::uint32_t block_bytes) {
    return static_cast<std::uint32_t>((size_bytes + block_bytes - 1) / block_bytes);
}

/** The bytes that a big file takes in the file it is stored in. */
[[nodiscard]] inline std::uint64_t stored_bytes(const LayerBlocks & layer, const StoredFile & file,
                                                std::uint32_t block_bytes) {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < block_count(file.size_bytes, block_bytes); ++i)
        sum += stored_bytes(layer.block_sizes[file.first_block + i]);
    return sum;
}

} // namespace shifter::squash
