#include "squash/options.hpp"

#include "base/error.hpp"
#include "layers/decoder.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <thread>

namespace shifter::squash {
namespace {

/** The working memory of one compressor, generously: measured for zstd 3 (1 MB) to 22 and xz 6 at blocks of 1 MiB. */
std::size_t compressor_bytes(const Options & options) {
    const std::size_t block = options.block_bytes;
    switch (options.codec) {
    case Codec::zstd:
        return options.level <= 5 ? (std::size_t{1} << 20U) + 3 * block : (std::size_t{4} << 20U) + 32 * block;
    case Codec::xz:
        return (std::size_t{8} << 20U) + 16 * block;
    case Codec::gzip:
    case Codec::lz4:
        break;
    }
    return std::size_t{512} << 10U;
}

} // namespace

void Options::check() const {
    if (!std::has_single_bit(block_bytes) || block_bytes < (4U << 10U) || block_bytes > (1U << 20U))
        throw Error{"a squashfs block has to be a power of two from 4096 to 1048576 bytes, not " +
                    std::to_string(block_bytes)};
    const auto within = [&](int low, int high, const char * name) {
        if (level < low || level > high)
            throw Error{std::string{"the level of "} + name + " goes from " + std::to_string(low) + " to " +
                        std::to_string(high) + ", so it cannot be " + std::to_string(level)};
    };
    switch (codec) {
    case Codec::zstd:
        within(1, 22, "zstd");
        break;
    case Codec::gzip:
        within(1, 9, "gzip");
        break;
    case Codec::xz:
        within(0, 9, "xz");
        break;
    case Codec::lz4:
        within(0, 12, "lz4");
        break;
    }
    if (parallel_layers == 0) throw Error{"at least one layer has to be read at a time"};
}

unsigned Options::compressors() const {
    return threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
}

std::size_t Options::backlog() const {
    // Enough to keep all compressors busy while a block waits for the one before it; not more memory than that needs.
    return std::max<std::size_t>(2 * std::size_t{compressors()} + 2,
                                 std::min<std::size_t>(128, (std::size_t{8} << 20U) / block_bytes));
}

std::size_t Options::memory_bytes() const {
    return parallel_layers * layers::decoder_memory_bytes + layers::largest_window_bytes + backlog() * block_bytes +
           compressors() * (compressor_bytes(*this) + std::size_t{2} * block_bytes) + (std::size_t{24} << 20U);
}

} // namespace shifter::squash
