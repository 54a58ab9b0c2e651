/**
 * @file
 * The bytes of a layer without their compression. What a layer really is decides, not what its media type promises:
 * gzip, zstd, or neither (then it has to be a tar archive); nothing else is ever tried (I24).
 */
#pragma once

#include "oci/byte_source.hpp"

#include <functional>
#include <memory>

namespace shifter::layers {

/** Beyond this zstd window a layer waits for its turn, so that at most one such window exists at a time. */
inline constexpr std::size_t common_window_bytes = 8U << 20U;
/** The largest zstd window that is accepted: what the common encoders need at their best level. */
inline constexpr std::size_t largest_window_bytes = 32U << 20U;

class Decompressor {
public:
    virtual ~Decompressor() = default;
    /**
     * Reads at least one byte, at most `buffer.size()`; 0 only at the end.
     * @throws Error  when the stream is damaged, cut short or followed by something else
     */
    [[nodiscard]] virtual std::size_t read(std::span<std::byte> buffer) = 0;
};

/**
 * Looks at the first bytes of `source` and opens it.
 *
 * gzip: several members in a row are one stream, zero bytes after the last one are padding. zstd: several frames in a
 * row, skippable ones included, windows up to `largest_window_bytes`.
 *
 * @param source          must outlive the result
 * @param wait_for_turn   called before a window larger than `common_window_bytes` is allocated
 */
[[nodiscard]] std::unique_ptr<Decompressor> open_decompressor(oci::ByteSource & source,
                                                              std::function<void()> wait_for_turn);

} // namespace shifter::layers
