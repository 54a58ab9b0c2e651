#include "service/config_keys.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::service;

namespace {

/** The two numbers of "number 1 to 64", "size 4K to 64M", "seconds, 1 to 60", "bytes up to 1P". */
struct Range {
    std::uint64_t least = 0;
    std::uint64_t most = 0;
};
Range range_of(std::string_view takes) {
    const auto words = text::words(takes);
    REQUIRE(words.size() >= 4);
    const auto most = text::parse_size(words.back());
    REQUIRE(most);
    if (words[1] == "up") return {0, *most};
    const auto least = text::parse_size(words[words.size() - 3]);
    REQUIRE(least);
    return {*least, *most};
}

template <class Target> bool is_taken(const Key<Target> & key, std::uint64_t number) {
    Target target;
    const Value value{.kind = Value::Kind::plain, .scalar = std::to_string(number), .items = {}, .members = {}};
    return !key.read(value, target);
}

template <class Target> void check_both_sides(const Key<Target> & key) {
    INFO(key.name << " " << key.takes);
    const auto [least, most] = range_of(key.takes);
    CHECK(is_taken(key, least));
    CHECK(is_taken(key, most));
    CHECK_FALSE(is_taken(key, most + 1));
    if (least > 0) CHECK_FALSE(is_taken(key, least - 1));
}

} // namespace

TEST_CASE("R16: each limit takes the least and the most that its manual states, and nothing beyond") {
    for (const auto & key : limit_keys()) check_both_sides(key);
    check_both_sides(layer_cache_keys().front());
    CHECK(limit_keys().size() >= 40);
}

TEST_CASE("R16: the default of each limit is in its range") {
    for (const auto & key : limit_keys()) {
        INFO(key.name << " " << key.takes << ", " << key.default_text);
        const auto [least, most] = range_of(key.takes);
        const auto written = text::parse_size(key.default_text);
        REQUIRE(written);
        CHECK(*written >= least);
        CHECK(*written <= most);
    }
}
