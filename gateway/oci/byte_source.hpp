/**
 * @file
 * A stream of bytes that is read once, from front to back: a blob on its way from a registry, or a file.
 */
#pragma once

#include <cstddef>
#include <span>

namespace shifter::oci {

class ByteSource {
public:
    virtual ~ByteSource() = default;
    /**
     * Reads at least one byte, at most `buffer.size()`; 0 only at the end.
     * @throws Error  when the stream breaks, ends early, is too long, or does not have the promised digest. A source
     *                that checks a digest does so before it returns 0, so a caller who saw the end saw true content.
     */
    [[nodiscard]] virtual std::size_t read(std::span<std::byte> buffer) = 0;
};

} // namespace shifter::oci
