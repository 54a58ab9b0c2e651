#include "base/digest.hpp"

#include <catch2/catch.hpp>

using shifter::Digest;

TEST_CASE("digests are sha256 or sha512 with all their digits (OCI image specification, descriptors)") {
    auto [text, algorithm] = GENERATE(
        table<std::string, Digest::Algorithm>({{"sha256:" + std::string(64, 'a'), Digest::Algorithm::sha256},
                                               {"sha512:" + std::string(128, '0'), Digest::Algorithm::sha512}}));
    const auto digest = Digest::parse(text);
    REQUIRE(digest);
    CHECK(digest->algorithm() == algorithm);
    CHECK(digest->hex() == text.substr(7));
    CHECK(digest->to_string() == text);
}

TEST_CASE("I26: what is not exactly a digest is refused, since digests become URLs and file names") {
    const std::string hex(64, 'a');
    const std::string text =
        GENERATE_COPY(as<std::string>{}, "", "sha256", "sha256:", hex, "sha256:" + hex + "a", "sha256:" + hex.substr(1),
                      "SHA256:" + hex, "sha256:" + std::string(64, 'A'), "sha256:" + hex.substr(1) + "g",
                      "sha256:" + hex.substr(1) + "/", "sha256:" + hex.substr(1) + std::string(1, '\0'),
                      " sha256:" + hex, "sha256:" + hex + "\n", "sha512:" + hex, "md5:" + hex.substr(32),
                      "sha256::" + hex, "sha256+x:" + hex, "sha256:../" + hex.substr(3));
    INFO(text);
    CHECK_FALSE(Digest::parse(text));
}
