#include "registry/byte_ring.hpp"

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using shifter::registry::ByteRing;

namespace {

std::span<const std::byte> bytes_of(const std::string & text) { return std::as_bytes(std::span{text}); }

std::string read_up_to(ByteRing & ring, std::size_t size) {
    std::string text(size, '\0');
    text.resize(ring.read(std::as_writable_bytes(std::span{text})));
    return text;
}

} // namespace

TEST_CASE("bytes come out of a ring in the order in which they went in, whatever the pieces") {
    const std::size_t piece = GENERATE(1000, 65'536, 70'001, 300'000);
    const std::size_t bite = GENERATE(777, 65'536, 200'000);
    std::string sent;
    for (int i = 0; sent.size() < 1'000'000; ++i) sent += std::to_string(i) + ",";
    ByteRing ring{64 << 10};
    const std::jthread writer{[&] {
        for (std::size_t at = 0; at < sent.size(); at += piece)
            (void)ring.write(bytes_of(sent).subspan(at, std::min(piece, sent.size() - at)));
        ring.close();
    }};
    std::string got;
    for (std::string part = read_up_to(ring, bite); !part.empty(); part = read_up_to(ring, bite)) got += part;
    CHECK(got == sent);
    CHECK(read_up_to(ring, bite).empty()); // the end stays the end
}

TEST_CASE("an error reaches the reader at once, before bytes that are still there") {
    ByteRing ring{64 << 10};
    REQUIRE(ring.write(bytes_of("some")));
    ring.fail(std::make_exception_ptr(std::runtime_error{"broken"}));
    CHECK_THROWS_WITH(read_up_to(ring, 10), "broken");
    CHECK_THROWS_WITH(read_up_to(ring, 10), "broken");
}

TEST_CASE("a writer that waits for room is let go when the ring is abandoned") {
    ByteRing ring{64 << 10};
    bool accepted = true;
    {
        const std::jthread writer{[&] { accepted = ring.write(bytes_of(std::string(100'000, 'x'))); }};
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        ring.abandon();
    }
    CHECK_FALSE(accepted);
    CHECK_FALSE(ring.write(bytes_of("x")));
}
