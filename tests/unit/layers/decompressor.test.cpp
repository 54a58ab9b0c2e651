#include "layers/decompressor.hpp"

#include "support/layer_bytes.hpp"

#include <catch2/catch.hpp>

using namespace tests;
using Catch::Matchers::Contains;
using shifter::layers::open_decompressor;

namespace {

std::string decompress(const std::string & bytes, std::size_t step = 1000, unsigned * turns = nullptr) {
    MemorySource source{bytes, step};
    const auto decompressor = open_decompressor(source, [&] {
        if (turns != nullptr) ++*turns;
    });
    std::string result;
    std::vector<std::byte> buffer(700);
    for (std::size_t count = 0; (count = decompressor->read(buffer)) != 0;)
        result.append(reinterpret_cast<const char *>(buffer.data()), count);
    CHECK(decompressor->read(buffer) == 0);
    return result;
}

const std::string text = noise(100'000);
const std::string padding(3000, '\0');
std::string skippable(const std::string & body) {
    std::string frame = "\x52\x2a\x4d\x18";
    for (unsigned i = 0; i < 4; ++i) frame += static_cast<char>(body.size() >> (8 * i));
    return frame + body;
}

} // namespace

TEST_CASE("a layer is gzip, zstd or plain by its first bytes, in one piece or in many") {
    const std::size_t step = GENERATE(1U, 7U, 1U << 20U);
    auto [bytes, expected] = GENERATE(table<std::string, std::string>({
        {gzip(text), text},
        {gzip(text) + gzip("more") + gzip(""), text + "more"},
        {gzip(text) + padding, text},
        {gzip("") + padding, ""},
        {zstd(text), text},
        {zstd(text) + zstd("more"), text + "more"},
        {skippable("index") + zstd(text) + skippable("end"), text},
        {text, text},
        {"", ""},
        {"\x1f", "\x1f"},
    }));
    CHECK(decompress(bytes, step) == expected);
}

TEST_CASE("I24: a compressed stream that is damaged, cut short or followed by something is refused in words") {
    std::string flipped = gzip(text);
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x10);
    std::string wrong_sum = gzip(text);
    wrong_sum[wrong_sum.size() - 6] = static_cast<char>(wrong_sum[wrong_sum.size() - 6] ^ 1);
    std::string broken = zstd(text);
    broken[broken.size() / 2] = static_cast<char>(broken[broken.size() / 2] ^ 0x10);
    auto [bytes, message] = GENERATE_COPY(table<std::string, std::string>({
        {gzip(text).substr(0, 5000), "the gzip stream ends too early"},
        {gzip(text).substr(0, gzip(text).size() - 1), "the gzip stream ends too early"},
        {gzip(text).substr(0, 5), "the gzip stream ends too early"},
        {wrong_sum, "the gzip stream has a wrong checksum"},
        {gzip(text) + "x", "the gzip stream is followed by something else"},
        {gzip(text) + padding + "x", "the gzip stream is followed by something else"},
        {std::string{"\x1f\x8b\x07"} + text, "the gzip stream has a bad header"},
        {zstd(text).substr(0, 5000), "the zstd stream ends too early"},
        {zstd(text).substr(0, 5), "the zstd stream ends too early"},
        {zstd(text) + "x", "the zstd stream is followed by something else"},
        {zstd(text) + padding, "the zstd stream is followed by something else"},
        {zstd(text, 26), "the zstd stream needs a window of 67108864 bytes; at most 33554432 are allowed"},
    }));
    CHECK_THROWS_WITH(decompress(bytes), message);
    CHECK_THROWS_WITH(decompress(flipped), Contains("the gzip stream"));
    CHECK_THROWS_WITH(decompress(broken), Contains("the zstd stream"));
}

TEST_CASE("a zstd window beyond the common one waits for the layer's turn") {
    unsigned turns = 0;
    CHECK(decompress(zstd(text, 23), 1000, &turns) == text);
    CHECK(turns == 0);
    CHECK(decompress(zstd(text, 25), 1000, &turns) == text);
    CHECK(turns == 1);
}
