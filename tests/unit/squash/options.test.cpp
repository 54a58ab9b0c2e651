#include "squash/options.hpp"

#include "base/error.hpp"

#include <catch2/catch.hpp>

using namespace shifter::squash;

TEST_CASE("settings of a squashfs are refused beyond their range, in words") {
    auto [codec, level, block, message] = GENERATE(table<Codec, int, std::uint32_t, std::string>({
        {Codec::zstd, 0, 65536, "the level of zstd goes from 1 to 22, so it cannot be 0"},
        {Codec::zstd, 23, 65536, "the level of zstd goes from 1 to 22, so it cannot be 23"},
        {Codec::gzip, 10, 65536, "the level of gzip goes from 1 to 9, so it cannot be 10"},
        {Codec::xz, -1, 65536, "the level of xz goes from 0 to 9, so it cannot be -1"},
        {Codec::lz4, 13, 65536, "the level of lz4 goes from 0 to 12, so it cannot be 13"},
        {Codec::zstd, 3, 2048, "a squashfs block has to be a power of two from 4096 to 1048576 bytes, not 2048"},
        {Codec::zstd, 3, 2097152, "a squashfs block has to be a power of two from 4096 to 1048576 bytes, not 2097152"},
        {Codec::zstd, 3, 65537, "a squashfs block has to be a power of two from 4096 to 1048576 bytes, not 65537"},
    }));
    Options options;
    options.codec = codec;
    options.level = level;
    options.block_bytes = block;
    CHECK_THROWS_WITH(options.check(), message);
}

TEST_CASE("the promised memory of a conversion stays below 160 MiB with the default settings on up to 16 cores") {
    Options options;
    for (options.threads = 1; options.threads <= 16; ++options.threads) CHECK(options.memory_bytes() < (160U << 20U));
}
