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

TEST_CASE("a list without pages is answered piece by piece: every readable image once, and no piece holds them all") {
    Gateway gateway;
    // Five, and eleven, are not bob's.
    auto [count, expected_pieces] = GENERATE(table<unsigned, unsigned>({{505, 1}, {506, 2}, {1100, 3}}));
    catalog::Image image = samples::image('a');
    for (unsigned i = 0; i < count; ++i) {
        std::string id = std::to_string(i);
        id.insert(0, 64 - id.size(), 'a');
        image.id = *ImageId::parse(id);
        image.is_private = i % 100 == 7;
        image.grants.clear();
        if (image.is_private) image.grants = {{1001, {}}};
        REQUIRE(
            gateway.catalog->adopt(image, {"alpha", ImageType::docker, "org/app:" + std::to_string(i)}, gateway.now));
    }
    const Response response = gateway.get("/api/list/alpha", bob);
    std::string text = response.body;
    unsigned pieces = 1;
    if (response.more) {
        for (std::string piece = response.more(); !piece.empty(); piece = response.more(), ++pieces) text += piece;
    }
    CHECK(pieces == expected_pieces);
    std::set<std::string> ids;
    const auto list = nlohmann::json::parse(text)["list"];
    for (const auto & record : list) ids.insert(record["id"].get<std::string>());
    CHECK(ids.size() == count - (count + 92) / 100);
    CHECK(list.size() == ids.size());
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
