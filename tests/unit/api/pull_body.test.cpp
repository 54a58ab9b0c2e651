#include "api/pull_body.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::api;

TEST_CASE("readers are lists of numbers in a text (contract 7.3)") {
    const auto readers = parse_pull_body(R"({"allowed_uids":"1002, 1001,1002","allowed_gids":"500"})");
    REQUIRE(readers);
    CHECK(readers->users == std::vector<uid_t>{1001, 1002});
    CHECK(readers->groups == std::vector<gid_t>{500});
}

TEST_CASE("no body, and lists that are empty, name no reader") {
    const std::string body = GENERATE(as<std::string>{}, "", " \n", "{}", R"({"allowed_uids":"","allowed_gids":""})",
                                      R"({"other":[1,{"x":null}]})");
    INFO(body);
    const auto readers = parse_pull_body(body);
    REQUIRE(readers);
    CHECK(readers->is_public());
}

TEST_CASE("I34: readers that cannot be read whole are refused, and never read as public") {
    const std::string body =
        GENERATE(as<std::string>{}, "not json", "[]", "1", "null", R"("allowed_uids")", R"({"allowed_uids":"1001)",
                 R"({"allowed_uids":1001})", R"({"allowed_uids":[1001]})", R"({"allowed_uids":null})",
                 R"({"allowed_uids":"1001,"})", R"({"allowed_uids":",1001"})", R"({"allowed_uids":"ann"})",
                 R"({"allowed_uids":"1001 1002"})", R"({"allowed_uids":"-1"})", R"({"allowed_uids":"0"})",
                 R"({"allowed_uids":"4294967295"})", R"({"allowed_uids":"4294967296"})", R"({"allowed_uids":"1e3"})",
                 R"({"allowed_uids":"0x1"})", R"({"allowed_uids":"1001","allowed_uids":""})",
                 R"({"allowed_uids":"1001"} {})", R"({"allowed_gids":"100,x"})", R"({"allowed_gids":true})");
    INFO(body);
    CHECK_FALSE(parse_pull_body(body));
}

TEST_CASE("R16: a body has at most 64 KiB, and a list at most 10000 numbers") {
    const auto body_with = [](std::size_t count) {
        std::string list;
        for (std::size_t i = 0; i < count; ++i) list += (i == 0 ? "" : ",") + std::to_string(i % 99 + 1);
        return R"({"allowed_uids":")" + list + R"("})";
    };
    CHECK(parse_pull_body(body_with(10'000)));
    CHECK_FALSE(parse_pull_body(body_with(10'001)));
    const std::string small = R"({"allowed_uids":"1"})";
    CHECK(parse_pull_body(small + std::string((64U << 10U) - small.size(), ' ')));
    CHECK_FALSE(parse_pull_body(small + std::string((64U << 10U) - small.size() + 1, ' ')));
}
