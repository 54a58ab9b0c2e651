#include "client/image_info.hpp"
#include "base/error.hpp"

#include <catch2/catch.hpp>

using namespace shifter::client;

TEST_CASE("a record is read whatever is missing, or of another type (H9-10)") {
    const ImageInfo empty = parse_image_info("{}");
    CHECK(empty.status == "MISSING");
    CHECK(empty.id == "MISSING");
    const ImageInfo odd = parse_image_info(
        R"({"id":5,"status":null,"tag":"a:1","last_pull":1733047200,"progress":[],"system":"s\u001b[2J"})");
    CHECK(odd.id == "MISSING");
    CHECK(odd.tags == std::vector<std::string>{"a:1"});
    CHECK(odd.last_pull == 1733047200.0);
    CHECK(odd.system == "s\\x1b[2J");
    const ImageInfo pull =
        parse_image_info(R"({"status":"PULLING","tag":[],"progress":{"bytes_done":5,"bytes_total":10}})");
    CHECK(pull.bytes_done == 5);
    CHECK(pull.bytes_total == 10);
}

TEST_CASE("an answer that is no record is an error in words") {
    CHECK_THROWS_WITH(parse_image_info("<html>"), "the gateway's answer is not what a gateway says: \"<html>\"");
    CHECK_THROWS(parse_image_info("[]"));
    CHECK_THROWS_WITH(parse_image_list("{}"), "the gateway's answer holds no list");
    CHECK(parse_image_list(R"({"list":[{},5]})").size() == 2);
    CHECK(parse_queue(R"({"list":[{"status":"PULLING","image":"a:1"}]})")[0].image == "a:1");
}

TEST_CASE("an answer to expire tells done, not an admin, and no such image apart (H9-7)") {
    CHECK(parse_verdict(R"({"status":true})") == Verdict::done);
    CHECK(parse_verdict(R"({"status":["ab"]})") == Verdict::done);
    CHECK(parse_verdict(R"({"status":[]})") == Verdict::done);
    CHECK(parse_verdict(R"({"status":false})") == Verdict::not_admin);
    CHECK(parse_verdict(R"({"status":null})") == Verdict::no_such_image);
}

TEST_CASE("the body of a pull names readers as texts of numbers, or is empty") {
    CHECK(pull_body({}, {}).empty());
    CHECK(pull_body({1, 2}, {3}) == R"({"allowed_uids":"1,2","allowed_gids":"3"})");
    CHECK(pull_body({}, {3}) == R"({"allowed_uids":"","allowed_gids":"3"})");
}
