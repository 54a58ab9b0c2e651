// Lists in pages, and what records hold for whom.
#include "unit/api/gateway_under_test.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace shifter;
using namespace shifter::api;
using namespace shifter::api::testing;

namespace {

void publish_four(Gateway & gateway) {
    for (const char digit : {'d', 'a', 'c', 'b'})
        (void)gateway.publish({"alpha", ImageType::docker, std::string("org/") + digit + ":1"}, digit, 1001,
                              digit == 'c');
}

} // namespace

TEST_CASE("a list comes in pages that hold every readable image once, in the order of identifiers") {
    Gateway gateway;
    publish_four(gateway);
    const auto first = json_of(gateway.get("/api/list/alpha/?limit=2"));
    REQUIRE(first["list"].size() == 2);
    CHECK(first["list"][0]["id"] == std::string(64, 'a'));
    CHECK(first["next"] == std::string(64, 'b'));
    const auto last = json_of(gateway.get("/api/list/alpha?limit=2&after=" + std::string(64, 'b')));
    REQUIRE(last["list"].size() == 2);
    CHECK(last["list"][1]["id"] == std::string(64, 'd'));
    CHECK_FALSE(last.contains("next"));
    CHECK_FALSE(json_of(gateway.get("/api/list/alpha?limit=4")).contains("next"));
    CHECK(json_of(gateway.get("/api/list/alpha"))["list"].size() == 4);
}

TEST_CASE("I33: a page says nothing of images that the caller may not read, its next neither") {
    Gateway gateway;
    publish_four(gateway);
    const auto page = json_of(gateway.get("/api/list/alpha?limit=2", bob));
    CHECK(page["next"] == std::string(64, 'b'));
    const auto last = json_of(gateway.get("/api/list/alpha?limit=1&after=" + std::string(64, 'b'), bob));
    REQUIRE(last["list"].size() == 1);
    CHECK(last["list"][0]["id"] == std::string(64, 'd'));
    CHECK_FALSE(last.contains("next"));
}

TEST_CASE("a page that cannot be meant is refused in words") {
    Gateway gateway;
    auto [query, error] = GENERATE(table<std::string, std::string>({
        {"limit=x", "limit is not a number: \"x\""},
        {"limit=0", "limit is less than 1"},
        {"limit=-1", "limit is not a number: \"-1\""},
        {"limit=1&after=../etc", "after is not an identifier: \"../etc\""},
    }));
    const Response response = gateway.get("/api/list/alpha?" + query);
    CHECK(response.status == 400);
    CHECK(json_of(response)["error"] == error);
}

TEST_CASE("layers are in a record when they are asked for") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a');
    const auto layers = json_of(gateway.get("/api/lookup/alpha/docker/org/app:1?layers=1"))["layers"];
    REQUIRE(layers.size() == 1);
    CHECK(layers[0]["size"] == 17);
    CHECK(layers[0]["digest"] == "sha256:" + std::string(64, 'e'));
    CHECK_FALSE(json_of(gateway.get("/api/lookup/alpha/docker/org/app:1")).contains("layers"));
    CHECK(json_of(gateway.get("/api/list/alpha?layers=1"))["list"][0].contains("layers"));
}

TEST_CASE("who pulled an image is for callers with a name") {
    Gateway gateway{true};
    (void)gateway.publish(samples::key, 'a');
    CHECK(json_of(gateway.get("/api/lookup/alpha/docker/org/app:1"))["owner"] == 1001);
    CHECK_FALSE(json_of(gateway.get("/api/lookup/alpha/docker/org/app:1", "")).contains("owner"));
    CHECK_FALSE(json_of(gateway.get("/api/list/alpha", ""))["list"][0].contains("owner"));
}
