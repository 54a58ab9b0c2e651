/**
 * @file
 * Bounds for a hostile image (I23). Each is a configuration key, and each is counted on what is really produced.
 */
#pragma once

#include <cstdint>

namespace shifter::layers {

struct Limits {
    std::uint64_t max_entries = 20'000'000; ///< tar entries of all layers together
    std::uint64_t max_unpacked_bytes = std::uint64_t{1} << 40U;
    std::uint64_t max_layer_unpacked_bytes = std::uint64_t{1} << 39U; ///< of one tar stream
    std::uint32_t max_path_bytes = 4095;
    std::uint32_t max_depth = 1000;
    std::uint32_t max_header_bytes = 1U << 20U; ///< extended headers of one entry
};

} // namespace shifter::layers
