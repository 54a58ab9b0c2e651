#include "processes/containers.hpp"

#include <catch2/catch.hpp>

using namespace shifter::processes;

TEST_CASE("a container tells its image and its user") {
    const auto found = parse_state_line(R"({"identifier":"aaaa1","user":"alice","volMap":"","modules":"gpu,"})"
                                        "\n");
    REQUIRE(found);
    CHECK(found->first == "aaaa1");
    CHECK(found->second == "alice");
}

TEST_CASE("what is no state line tells nothing") {
    const auto text = GENERATE("", "{}", R"({"identifier":"aaaa1)", R"({"identifier":"aaaa1","user":"alice)",
                               R"( {"identifier":"aaaa1","user":"alice"})");
    CHECK_FALSE(parse_state_line(text));
}

TEST_CASE("the start of a process is found behind any name") {
    const std::string fields = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21\n";
    CHECK(parse_start_ticks("7 (sh)" + fields) == 4711);
    CHECK(parse_start_ticks("7 (a ) b (c)" + fields) == 4711);
    CHECK_FALSE(parse_start_ticks("7 (sh) S 1 2"));
    CHECK_FALSE(parse_start_ticks(""));
}
