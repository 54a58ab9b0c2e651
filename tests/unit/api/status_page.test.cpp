#include "unit/api/gateway_under_test.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace shifter;
using namespace shifter::api;
using namespace shifter::api::testing;

namespace {

nlohmann::json alpha_in(const Response & response) { return json_of(response)["systems"][0]; }

/** Claims the next pull, and lets it fail. */
void fail_next(Gateway & gateway, catalog::Access access, const std::string & reason) {
    const auto pull = gateway.catalog->claim("here", gateway.now);
    REQUIRE(pull);
    gateway.catalog->set_access(pull->hold(), access, gateway.now);
    gateway.catalog->advance(pull->hold(), catalog::State::pulling, "", {}, gateway.now);
    gateway.catalog->fail(pull->hold(), reason, true, gateway.now);
}

} // namespace

TEST_CASE("I33: the summary shows public images, pulls and failures, and no word of others") {
    Gateway gateway;
    (void)gateway.publish({"alpha", ImageType::docker, "org/open:1"}, 'a');
    (void)gateway.publish({"alpha", ImageType::docker, "org/hidden-image:1"}, 'b', 1001, true);
    (void)gateway.post("/api/pull/alpha/docker/org/hidden-denied:1");
    fail_next(gateway, catalog::Access::unknown, "hidden-denied: no (403)");
    (void)gateway.post("/api/pull/alpha/docker/org/broken:1");
    fail_next(gateway, catalog::Access::open, "a layer is broken");
    (void)gateway.post("/api/pull/alpha/docker/org/hidden-private:1");
    gateway.catalog->set_access(gateway.catalog->claim("here", gateway.now)->hold(), catalog::Access::restricted,
                                gateway.now);
    (void)gateway.post("/api/pull/alpha/docker/org/coming:1");
    gateway.catalog->set_access(gateway.catalog->claim("here", gateway.now)->hold(), catalog::Access::open,
                                gateway.now);
    (void)gateway.post("/api/pull/alpha/docker/org/hidden-queued:1");
    gateway.storage["alpha"] = {.images = 2, .image_bytes = 8192, .free_bytes = 5, .size_bytes = 10};

    const Response response = gateway.get("/api/summary", "");
    REQUIRE(response.status == 200);
    CHECK(response.body.find("hidden") == std::string::npos);
    CHECK(response.body.find("ann") == std::string::npos);
    const auto alpha = alpha_in(response);
    CHECK(alpha["public_images"] == 1);
    REQUIRE(alpha["images"].size() == 1);
    CHECK(alpha["images"][0]["tags"] == nlohmann::json{"org/open:1"});
    REQUIRE(alpha["queue"].size() == 1);
    CHECK(alpha["queue"][0]["image"] == "org/coming:1");
    CHECK(alpha["unnamed_pulls"] == 2);
    REQUIRE(alpha["failures"].size() == 2);
    CHECK(alpha["failures"][0]["status_message"] == "a layer is broken");
    CHECK_FALSE(alpha["failures"][1].contains("image"));
    CHECK_FALSE(alpha["failures"][1].contains("status_message"));
    CHECK(alpha["storage"]["image_bytes"] == 8192);
}

TEST_CASE("I33: a public image shows its public tags alone") {
    Gateway gateway;
    (void)gateway.publish({"alpha", ImageType::docker, "org/open:1"}, 'a');
    (void)gateway.publish({"alpha", ImageType::docker, "org/hidden-tag:1"}, 'a', 1001, true);
    CHECK(gateway.get("/api/summary", "").body.find("hidden") == std::string::npos);
}

TEST_CASE("of many images the summary has those that were pulled last") {
    Gateway gateway;
    for (int i = 0; i < 120; ++i) {
        gateway.now += std::chrono::minutes{1};
        auto image = samples::image('a');
        std::string id(64, '0');
        (void)std::snprintf(id.data() + 60, 5, "%04x", i);
        image.id = *ImageId::parse(id);
        (void)gateway.catalog->enqueue(
            samples::request_by(1001, "", {"alpha", ImageType::docker, "org/" + std::to_string(i) + ":1"}), {},
            gateway.now);
        (void)samples::finish_next(*gateway.catalog, image, gateway.now);
    }
    const auto alpha = alpha_in(gateway.get("/api/summary", ""));
    CHECK(alpha["public_images"] == 120);
    REQUIRE(alpha["images"].size() == 100);
    CHECK(alpha["images"][0]["tags"][0] == "org/119:1");
    CHECK(alpha["images"][99]["tags"][0] == "org/20:1");
}

TEST_CASE("the status page loads files of the gateway alone, and runs no script of its own text") {
    Gateway gateway;
    for (const char * path : {"/ui", "/ui/", "/ui/status.js", "/ui/status.css"}) {
        INFO(path);
        const Response response = gateway.get(path, "");
        REQUIRE(response.status == 200);
        const auto policy = std::find_if(response.headers.begin(), response.headers.end(),
                                         [](const auto & header) { return header.first == "Content-Security-Policy"; });
        REQUIRE(policy != response.headers.end());
        CHECK(policy->second.find("default-src 'none'; script-src 'self';") == 0);
        CHECK(policy->second.find("unsafe") == std::string::npos);
    }
    const std::string page = gateway.get("/ui", "").body;
    CHECK(page.find("<script src=\"/ui/status.js\" defer></script>") != std::string::npos);
    for (const char * inline_code : {"<script>", " on", "style=", "javascript:", "http:"})
        CHECK(page.find(std::string{"<"} + inline_code) == std::string::npos);
    CHECK(page.find("<style") == std::string::npos);
    CHECK(page.find("style=\"") == std::string::npos);
    CHECK(gateway.get("/ui", "").content_type == std::string{"text/html; charset=utf-8"});
}

TEST_CASE("no path under /ui leads to another file") {
    Gateway gateway;
    const std::string path =
        GENERATE(as<std::string>{}, "/ui/layer.cmake", "/ui/..%2F..%2Fetc%2Fpasswd", "/ui/%2Fetc%2Fpasswd",
                 "/ui/../api/api.cpp", "/ui/.", "/ui/index", "/ui/INDEX.html");
    INFO(path);
    CHECK(gateway.get(path, "").status == 404);
}

TEST_CASE("StatusPage is a switch") {
    Gateway gateway;
    Api::Parts parts{.settings = gateway.settings,
                     .catalog = *gateway.catalog,
                     .submit = {},
                     .authenticators = {},
                     .now = [] { return samples::noon; },
                     .status_page = false,
                     .ui_directory = SHIFTER_SOURCE_DIR "/gateway/ui"};
    Api api{std::move(parts)};
    for (const char * path : {"/ui", "/ui/status.js", "/api/summary"})
        CHECK(api.handle({.method = Method::get, .target = path, .headers = {}, .body = "", .peer = "", .id = "1"})
                  .status == 404);
    CHECK(api.handle({.method = Method::get, .target = "/metrics", .headers = {}, .body = "", .peer = "", .id = "1"})
              .status == 200);
}

TEST_CASE("links in the directory of the page are not followed, and a directory that is not there gives no files") {
    const samples::Folder folder;
    std::filesystem::create_symlink("/etc/passwd", folder / "passwd.html");
    CHECK_THROWS(StaticFiles{folder.path()});
    CHECK(StaticFiles{folder / "gone"}.find("index.html") == nullptr);
}
