#include "base/text.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using Views = std::vector<std::string_view>;

TEST_CASE("text is trimmed, split and joined without a locale") {
    CHECK(text::trim(" \t\r\n\v\fa b\n ") == "a b");
    CHECK(text::trim(" \n").empty());
    CHECK(text::trim("\xc2\xa0") == "\xc2\xa0");
    CHECK(text::split("", ',') == Views{""});
    CHECK(text::split("a,,b,", ',') == Views{"a", "", "b", ""});
    CHECK(text::words("  a\tb \n c") == Views{"a", "b", "c"});
    CHECK(text::words(" ").empty());
    CHECK(text::to_lower("AbZ09\xc3\x84") == "abz09\xc3\x84");
    CHECK(text::join({"a", "", "b"}, ", ") == "a, , b");
    CHECK(text::join({}, ",").empty());
}

TEST_CASE("a number is digits that fit, and nothing else") {
    CHECK(text::parse_unsigned<unsigned>("0") == 0U);
    CHECK(text::parse_unsigned<unsigned>("4294967295") == 4294967295U);
    CHECK(text::parse_unsigned<unsigned char>("255") == 255);
    CHECK_FALSE(text::parse_unsigned<unsigned char>("256"));
    const std::string bad =
        GENERATE(as<std::string>{}, "", " 1", "1 ", "+1", "-1", "-0", "0x1", "1.0", "1e3", "4294967296", "a");
    INFO(bad);
    CHECK_FALSE(text::parse_unsigned<unsigned>(bad));
}

TEST_CASE("sizes have a fraction and a suffix, powers of 1024 (3.2)") {
    auto [size, bytes] = GENERATE(table<std::string, std::uint64_t>({
        {"0", 0},
        {"512", 512},
        {"1b", 1},
        {"1k", 1024},
        {"1K", 1024},
        {"1.5G", 1610612736},
        {"100GB", 107374182400},
        {"100GiB", 107374182400},
        {"1t", std::uint64_t{1} << 40U},
        {"2P", std::uint64_t{2} << 50U},
        {"15E", std::uint64_t{15} << 60U},
        {"1181063622925910017", 1181063622925910017U}, // beyond 2^53 each byte counts
        {"18446744073709551615", 18446744073709551615U},
    }));
    INFO(size);
    CHECK(text::parse_size(size) == bytes);
    const std::string bad = GENERATE(as<std::string>{}, "", "k", "-1", "+1", ".5", "1.2.3", "1 k", "1x", "1kx", "16E",
                                     "18446744073709551616", "15.9999999999999999999E2", "1e999", "nan", "inf", "0x10", "1k ");
    INFO(bad);
    CHECK_FALSE(text::parse_size(bad));
}
