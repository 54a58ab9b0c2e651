/**
 * @file
 * A layer on its way into the image: packed blocks may be written long after its last entry was read. Only for the .cpp
 * files of this layer.
 */
#pragma once

#include "squash/layer_blocks.hpp"
#include "squash/layer_record.hpp"

#include <memory>
#include <vector>

namespace shifter::squash {

struct LayerState {
    LayerBlocks blocks;
    std::unique_ptr<LayerRecord> record;
    layers::Segmented<std::uint32_t> image_fragments; ///< by number: the image's number for it, or nowhere
    std::uint64_t seen_bytes = 0;                     ///< of files that are in the image
    std::uint64_t kept_bytes = 0;                     ///< of hidden ones that are compressed all the same
    std::vector<std::byte> hidden;                    ///< compressed blocks of the hidden file that is retired
    bool is_aligned = false;
};

} // namespace shifter::squash
