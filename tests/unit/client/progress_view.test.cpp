#include "client/progress_view.hpp"

#include <catch2/catch.hpp>

#include <sstream>

using namespace shifter::client;

namespace {

constexpr std::uint64_t mib = 1U << 20U;
const RateMeter::Time begin{std::chrono::seconds{1'000}};

LayerLine layer(char digit, std::uint64_t done, std::uint64_t size) {
    return {.digest = "sha256:" + std::string(64, digit), .size_bytes = size, .bytes_done = done};
}

} // namespace

TEST_CASE("a bar is as full as the layer, and never fuller") {
    CHECK(bar(0, 10, 10) == "[          ]");
    CHECK(bar(5, 10, 10) == "[=====>    ]");
    CHECK(bar(10, 10, 10) == "[==========]");
    CHECK(bar(99, 10, 10) == "[==========]");
    CHECK(bar(1, 0, 4) == "[    ]");
}

TEST_CASE("a layer has its stage, its bytes, its rate and the time that is left") {
    LayerLines lines;
    const std::vector<LayerLine> before = {layer('a', 10 * mib, 10 * mib), layer('b', 2 * mib, 10 * mib),
                                           layer('c', 0, mib)};
    (void)lines.draw(before, begin, 10);
    std::vector<LayerLine> after = before;
    after[1].bytes_done = 6 * mib;
    const auto drawn = lines.draw(after, begin + std::chrono::seconds{2}, 10);
    REQUIRE(drawn.size() == 3);
    CHECK(drawn[0] == "  aaaaaaaaaaaa [====================] arrived  10.0 of 10.0 MiB");
    CHECK(drawn[1] == "  bbbbbbbbbbbb [============>       ] pulling  6.0 of 10.0 MiB, 2.0 MiB/s, 0:02 left");
    CHECK(drawn[2] == "  cccccccccccc [                    ] waiting  0.0 of 1.0 MiB");
}

TEST_CASE("where there is no room for all layers, those that move are shown, and how many are not") {
    LayerLines lines;
    const std::vector<LayerLine> layers = {layer('a', 1, 1), layer('b', 1, 1), layer('c', 1, 2), layer('d', 0, 2)};
    const auto drawn = lines.draw(layers, begin, 3);
    REQUIRE(drawn.size() == 3);
    CHECK(drawn[0].find("cccccccccccc") != std::string::npos);
    CHECK(drawn[1].find("dddddddddddd") != std::string::npos);
    CHECK(drawn[2] == "  and 2 more layers");
    CHECK(lines.draw(layers, begin, 0).empty());
}

TEST_CASE("a screen draws over what it has drawn, cuts what would wrap, and leaves the rest alone") {
    std::ostringstream out;
    Screen screen{out, 10};
    screen.draw({"one"});
    CHECK(out.str() == "\r\x1b[2Kone");
    out.str("");
    screen.draw({"two", "a line that is too long"});
    CHECK(out.str() == "\r\x1b[2Ktwo\n\x1b[2Ka line th");
    out.str("");
    screen.draw({"three"});
    CHECK(out.str() == "\x1b[1A\r\x1b[2Kthree\x1b[J");
    out.str("");
    screen.leave();
    screen.leave();
    CHECK(out.str() == "\n");
}

TEST_CASE("a rate is that of the last seconds, and begins anew with a blob that begins anew") {
    RateMeter meter;
    CHECK(meter.update(0, begin) == 0);
    CHECK(meter.update(mib, begin + std::chrono::seconds{1}) == Approx(mib));
    CHECK(meter.update(mib, begin + std::chrono::milliseconds{1100}) == Approx(mib));
    CHECK(meter.update(0, begin + std::chrono::seconds{2}) == 0);
}
