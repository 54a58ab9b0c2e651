// A system of several platforms: which of them a request means, and what of an image it is shown.
#include "unit/api/gateway_under_test.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::api;
using namespace shifter::api::testing;

namespace {

const std::string lookup = "/api/lookup/alpha/docker/org/app:1";
const std::string on_arm = "?platform=linux/arm64";

class Several : public Gateway {
public:
    Several() {
        pull::System & alpha = settings.systems["alpha"];
        alpha.platform = *Platform::parse("linux/amd64");
        alpha.more_platforms = {*Platform::parse("linux/arm64"), *Platform::parse("linux/arm/v7")};
    }
    Response on_machine(const std::string & machine, const std::string & target) {
        return api.handle({.method = Method::get,
                           .target = target,
                           .headers = {{"authentication", ann}, {"shifter-machine", machine}},
                           .body = {},
                           .peer = "127.0.0.1",
                           .id = "request1"});
    }
    /** An image for `platform`, pulled by `puller` with a request that names it. */
    void pull(const std::string & name, const std::string & platform, char digit, uid_t puller = 1001,
              bool is_private = false) {
        const std::string who = credential("user", puller);
        REQUIRE(post("/api/pull/alpha/docker/" + name + "?platform=" + platform, "", who).status == 200);
        std::vector<catalog::Grant> grants;
        if (is_private) grants.push_back({puller, {}});
        auto image = samples::image(digit, is_private, std::move(grants));
        image.platform = platform;
        image.puller = puller;
        (void)samples::finish_next(*catalog, image, now);
    }
};

std::string id_of(const Response & response) {
    REQUIRE(response.status == 200);
    return json_of(response)["id"].get<std::string>().substr(0, 1);
}

} // namespace

TEST_CASE("one tag is the image of the caller's machine, and of the first platform for who does not say what he is") {
    Several gateway;
    gateway.pull("org/app:1", "linux/amd64", 'a');
    gateway.pull("org/app:1", "linux/arm64", 'b');
    auto [machine, query, found] = GENERATE(table<std::string, std::string, std::string>({
        {"x86_64", "", "a"},
        {"aarch64", "", "b"},
        {"ppc64le", "", "a"},
        {"a machine of words", "", "a"},
        {"x86_64", "?platform=linux/arm64", "b"},
        {"x86_64", "?platform=arm64", "b"},
        {"aarch64", "?platform=linux%2Famd64", "a"},
    }));
    INFO(machine << query);
    CHECK(id_of(gateway.on_machine(machine, lookup + query)) == found);
    CHECK(id_of(gateway.get(lookup)) == "a");
}

TEST_CASE("a platform that the system has not is refused with those that it has") {
    Several gateway;
    const std::string route = GENERATE(as<std::string>{}, "lookup/alpha/docker/a:1", "list/alpha", "mine/alpha");
    const auto words = [&](const std::string & platform) {
        const Response response = gateway.get("/api/" + route + "?platform=" + platform);
        CHECK(response.status == 400);
        return json_of(response)["error"].get<std::string>();
    };
    CHECK(words("linux/s390x") ==
          "system alpha has images for linux/amd64, linux/arm64, linux/arm/v7, and not for \"linux/s390x\"");
    CHECK(words("linux/arm/v6").find("and not for \"linux/arm/v6\"") != std::string::npos);
    CHECK(words("no%20platform").find("is no part of a platform") != std::string::npos);
    Gateway one;
    one.settings.systems["alpha"].platform = *Platform::parse("linux/amd64");
    CHECK(one.get("/api/list/alpha?platform=linux/amd64").status == 200);
    CHECK(json_of(one.get("/api/list/alpha?platform=linux/arm64"))["error"] ==
          "system alpha has images for linux/amd64, and not for \"linux/arm64\"");
    CHECK(one.get("/api/list/alpha?platform=linux/s390x", "").status == 401);
}

TEST_CASE("no answer has a tag as the catalog stores it on another platform") {
    Several gateway;
    gateway.pull("org/app:1", "linux/arm64", 'b');
    REQUIRE(gateway.catalog->find({"alpha", ImageType::docker, "org/app:1 linux/arm64"}));
    (void)gateway.post("/api/pull/alpha/docker/org/next:1" + on_arm);
    const std::string target =
        GENERATE(as<std::string>{}, lookup + on_arm, "/api/list/alpha" + on_arm, "/api/list/alpha?limit=5&platform=all",
                 "/api/mine/alpha" + on_arm, "/api/queue/alpha", "/api/progress/alpha/2", "/api/summary",
                 "/api/lookup/alpha/id/" + std::string(64, 'b'));
    INFO(target);
    const Response response = gateway.get(target);
    REQUIRE(response.status == 200);
    CHECK(response.body.find(":1 linux") == std::string::npos);
    CHECK(response.body.find("linux/arm64") != std::string::npos);
}

TEST_CASE("lists show the images of the caller's platform, or all") {
    Several gateway;
    gateway.pull("org/app:1", "linux/amd64", 'a');
    gateway.pull("org/app:1", "linux/arm64", 'b');
    gateway.pull("org/app:2", "linux/arm64", 'c');
    const auto ids = [&](const std::string & target) {
        std::string text;
        const auto json = json_of(gateway.get(target));
        for (const auto & record : json["list"]) text += record["id"].get<std::string>().front();
        return text;
    };
    for (const std::string route : {"/api/list/alpha", "/api/mine/alpha"}) {
        CHECK(ids(route) == "a");
        CHECK(ids(route + on_arm) == "bc");
        CHECK(ids(route + "?platform=linux/arm/v7").empty());
        CHECK(ids(route + "?platform=all") == "abc");
    }
    const auto page = json_of(gateway.get("/api/list/alpha?limit=1&platform=linux/arm64"));
    CHECK(page["list"].size() == 1);
    CHECK(ids("/api/list/alpha?limit=1&platform=linux/arm64&after=" + page["next"].get<std::string>()) == "c");
    // A quota counts what is there for any machine.
    CHECK(json_of(gateway.get("/api/mine/alpha"))["usage"]["images"] == 3);
}

TEST_CASE("where a platform has no such image, it is said where there is one, and what brings it") {
    Several gateway;
    gateway.pull("org/app:1", "linux/amd64", 'a');
    const Response absent = gateway.on_machine("aarch64", lookup);
    CHECK(absent.status == 404);
    CHECK(json_of(absent)["error"] == "there is no such image for linux/arm64, only for linux/amd64; shifterimg "
                                      "--platform=linux/arm64 pull docker:org/app:1 brings it");
    CHECK(json_of(gateway.get("/api/lookup/alpha/docker/org/none:1"))["error"] ==
          "there is no such image, or you may not use it");
}

TEST_CASE("I33: a private image of another platform is no news for who may not use it") {
    Several gateway;
    const std::string body = gateway.get(lookup, bob).body;
    gateway.pull("org/app:1", "linux/arm64", 'b', 1001, true);
    CHECK(gateway.get(lookup, bob).body == body);
    CHECK(gateway.get(lookup + "?platforms=1", bob).body == body);
    CHECK(json_of(gateway.get(lookup, ann))["error"].get<std::string>().find("only for linux/arm64") !=
          std::string::npos);
}

TEST_CASE("who asks for all platforms gets the identifiers that he may use, and they stay for him") {
    Several gateway;
    gateway.pull("org/app:1", "linux/amd64", 'a', 1002, true);
    gateway.pull("org/app:1", "linux/arm64", 'b');
    gateway.now += std::chrono::hours{24};
    const auto record = json_of(gateway.get(lookup + "?platforms=1", bob));
    CHECK(record["platforms"].dump() ==
          R"({"linux/amd64":")" + std::string(64, 'a') + R"(","linux/arm64":")" + std::string(64, 'b') + R"("})");
    CHECK(record["id"] == std::string(64, 'a'));
    for (const char digit : {'a', 'b'})
        CHECK(*gateway.catalog->find("alpha", samples::id_of(digit))->expiration ==
              gateway.now + gateway.settings.image_expiration);
    const auto other = json_of(gateway.get(lookup + "?platforms=1", ann));
    CHECK(other["platforms"].size() == 1);
    CHECK(other["id"] == std::string(64, 'b'));
    CHECK_FALSE(json_of(gateway.get(lookup, bob)).contains("platforms"));
    Gateway one;
    (void)one.publish(samples::key, 'a');
    CHECK_FALSE(json_of(one.get(lookup + "?platforms=1")).contains("platforms"));
}

TEST_CASE("what is done to a tag is done on one platform") {
    Several gateway;
    gateway.pull("org/app:1", "linux/amd64", 'a');
    gateway.pull("org/app:1", "linux/arm64", 'b');
    CHECK(json_of(gateway.post("/api/remove/alpha/docker/org/app:1" + on_arm))["left"] == "nothing");
    CHECK(gateway.get(lookup + on_arm).status == 404);
    CHECK(id_of(gateway.get(lookup)) == "a");
    CHECK(gateway.post("/api/remove/alpha/docker/org/app:1?platform=all").status == 400);
    CHECK(json_of(gateway.get("/api/expire/alpha/docker/org/app:1", boss))["status"] == true);
    CHECK(gateway.get(lookup).status == 404);
}

TEST_CASE("content that two platforms share is one image, which stays until the last of them gives it up") {
    Several gateway;
    gateway.pull("org/app:1", "linux/amd64", 'a');
    gateway.settings.systems["alpha"].more_platforms = {*Platform::parse("linux/amd64/v3")};
    (void)gateway.post("/api/pull/alpha/docker/org/app:1?platform=linux/amd64/v3");
    (void)samples::finish_next(*gateway.catalog, samples::image('a'), gateway.now);
    CHECK(json_of(gateway.get("/api/list/alpha?platform=all"))["list"][0]["tag"] == nlohmann::json{"org/app:1"});
    CHECK(json_of(gateway.post("/api/remove/alpha/docker/org/app:1"))["left"] == "image");
    CHECK(id_of(gateway.get(lookup + "?platform=linux/amd64/v3")) == "a");
    CHECK(json_of(gateway.post("/api/remove/alpha/docker/org/app:1?platform=linux/amd64/v3"))["left"] == "nothing");
}

TEST_CASE("an image of another architecture is not the answer when the first platform has become another") {
    Several gateway;
    gateway.pull("org/app:1", "linux/amd64", 'a');
    gateway.settings.systems["alpha"].platform = *Platform::parse("linux/arm64");
    gateway.settings.systems["alpha"].more_platforms = {*Platform::parse("linux/amd64")};
    CHECK(gateway.get(lookup).status == 404);
}

TEST_CASE("a digest means the image that the caller's platform has of it") {
    Several gateway;
    gateway.pull("org/app:1", "linux/arm64", 'b');
    const std::string by_digest = "/api/lookup/alpha/docker/org/app@sha256:" + std::string(64, 'b');
    CHECK(gateway.get(by_digest).status == 404);
    CHECK(id_of(gateway.get(by_digest + on_arm)) == "b");
}
