#include "oci/sha256.hpp"

#include <catch2/catch.hpp>

#include <string>

using shifter::Digest;
using shifter::oci::digest_of;
using shifter::oci::Hasher;

TEST_CASE("digests are those of FIPS 180-4's examples") {
    auto [text, digest] = GENERATE(table<std::string, std::string>({
        {"", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abc", "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    }));
    const auto wanted = Digest::parse(digest);
    REQUIRE(wanted);
    CHECK(digest_of(text, wanted->algorithm()) == *wanted);
}

TEST_CASE("a digest does not depend on how the bytes were cut") {
    const std::string text(100'000, 'x');
    Hasher hasher;
    for (std::size_t at = 0; at < text.size(); at += 777)
        hasher.update(std::as_bytes(std::span{text}.subspan(at, std::min<std::size_t>(777, text.size() - at))));
    CHECK(hasher.finish() == digest_of(text));
}

TEST_CASE("a hasher that was moved goes on where it was") {
    Hasher first;
    first.update(std::as_bytes(std::span{"a", 1}));
    Hasher second{std::move(first)};
    second.update(std::as_bytes(std::span{"bc", 2}));
    CHECK(second.finish() == digest_of("abc"));
}
