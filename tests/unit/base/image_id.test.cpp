#include "base/image_id.hpp"

#include <catch2/catch.hpp>

using shifter::ImageId;

TEST_CASE("an image id is 1 to 128 lower-case hexadecimal digits (2.4, H2-3)") {
    const std::string text = GENERATE(as<std::string>{}, "0", "8f3a", std::string(64, 'a'), std::string(128, 'f'));
    const auto id = ImageId::parse(text);
    REQUIRE(id);
    CHECK(id->to_string() == text);
    CHECK(id->abbreviated() == text.substr(0, 10));
}

TEST_CASE("I17: an image id is never a path (H2-3)") {
    const std::string text = GENERATE(as<std::string>{}, "", ".", "..", "../x", "/etc/passwd", "a/b", "a.", "A", "8F3A",
                                      "g", " a", "a\n", std::string("a\0", 2), std::string(129, 'a'), "a:b", "-1");
    INFO(text);
    CHECK_FALSE(ImageId::parse(text));
}
