/**
 * @file
 * Layers in memory: sources that give their bytes in small pieces, and compressors.
 */
#pragma once

#include "base/error.hpp"
#include "oci/byte_source.hpp"
#include "oci/sha256.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <zlib.h>
#include <zstd.h>

namespace tests {

/** Gives `bytes`, at most `step` of them at a time, and then fails with `failure` if that is not empty. */
class MemorySource : public shifter::oci::ByteSource {
public:
    explicit MemorySource(std::string bytes, std::size_t step = 1000, std::string failure = {})
        : bytes_{std::move(bytes)}, step_{step}, failure_{std::move(failure)} {}
    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = std::min({buffer.size(), step_, bytes_.size() - begin_});
        if (count == 0 && !failure_.empty()) throw shifter::Error{failure_};
        std::memcpy(buffer.data(), bytes_.data() + begin_, count);
        begin_ += count;
        return count;
    }

private:
    std::string bytes_;
    std::size_t step_;
    std::string failure_;
    std::size_t begin_ = 0;
};

inline std::string gzip(std::string_view bytes) {
    z_stream stream{};
    if (::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error{"deflateInit2"};
    std::string result(bytes.size() + bytes.size() / 100 + 1000, '\0');
    std::string input{bytes};
    stream.next_in = reinterpret_cast<Bytef *>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef *>(result.data());
    stream.avail_out = static_cast<uInt>(result.size());
    if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error{"deflate"};
    result.resize(stream.total_out);
    ::deflateEnd(&stream);
    return result;
}

inline std::string zstd(std::string_view bytes, int window_log = 0) {
    ZSTD_CCtx * const context = ::ZSTD_createCCtx();
    ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    if (window_log != 0) ::ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    std::string result(::ZSTD_compressBound(bytes.size()) + 64, '\0');
    ZSTD_outBuffer out{result.data(), result.size(), 0};
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    // As a stream of unknown length, so that the window stands in the header.
    ::ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue);
    ::ZSTD_compressStream2(context, &out, &in, ZSTD_e_end);
    ::ZSTD_freeCCtx(context);
    result.resize(out.pos);
    return result;
}

/** Text that compresses a little, the same each time. */
inline std::string noise(std::size_t size, std::uint64_t seed = 1) {
    std::string result(size, '\0');
    for (char & c : result) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        c = static_cast<char>('a' + (seed >> 60U));
    }
    return result;
}

} // namespace tests
