#include "api/router.hpp"
#include "api/api.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

using namespace shifter;
using namespace shifter::api;

namespace {
constexpr std::string_view lookup = "/api/lookup/{system}/{type}/{tag...}";
}

TEST_CASE("a tag is taken encoded or plain, with and without a trailing slash (contract 7.2)") {
    auto [target, tag] = GENERATE(table<std::string, std::string>({
        {"/api/lookup/alpha/docker/ubuntu:22.04", "ubuntu:22.04"},
        {"/api/lookup/alpha/docker/ubuntu:22.04/", "ubuntu:22.04"},
        {"/api/lookup/alpha/docker/ubuntu%3A22.04/", "ubuntu:22.04"},
        {"/api/lookup/alpha/docker/reg:5000/a/b:1", "reg:5000/a/b:1"},
        {"/api/lookup/alpha/docker/reg:5000/a/b:1/", "reg:5000/a/b:1"},
        {"/api/lookup/alpha/docker/reg%3A5000%2Fa%2Fb%3A1/", "reg:5000/a/b:1"},
        {"/api/lookup/alpha/docker/a%2Fb/c:1?x=/y/", "a/b/c:1"},
        {"/api/lookup/alpha/docker/a@sha256:ab", "a@sha256:ab"},
    }));
    INFO(target);
    const auto matched = match_path(lookup, target);
    REQUIRE(matched);
    REQUIRE(*matched);
    CHECK((**matched).at("system") == "alpha");
    CHECK((**matched).at("type") == "docker");
    CHECK((**matched).at("tag") == tag);
}

TEST_CASE("another path is no match") {
    const std::string target =
        GENERATE(as<std::string>{}, "/api/lookup/alpha/docker", "/api/lookup/alpha/docker/", "/api/lookup/alpha//x",
                 "/api/lookup//docker/x", "/api/lookups/alpha/docker/x", "/API/lookup/alpha/docker/x",
                 "api/lookup/alpha/docker/x", "", "/", "*", "http://gateway/api/lookup/alpha/docker/x",
                 "//api/lookup/alpha/docker/x", "/?/api/lookup/a/b/c");
    INFO(target);
    CHECK_FALSE(match_path(lookup, target));
}

TEST_CASE("a path without parameters matches itself alone") {
    CHECK(match_path("/", "/"));
    CHECK(match_path("/api/status", "/api/status/"));
    CHECK(match_path("/api/status", "/api/status?x"));
    CHECK_FALSE(match_path("/", "/x"));
    CHECK_FALSE(match_path("/api/status", "/api/status/x"));
    CHECK_FALSE(match_path("/api/status", "/api/status//"));
}

TEST_CASE("a parameter that cannot be decoded is said to be so") {
    const auto matched = match_path(lookup, "/api/lookup/alpha/docker/a%zz");
    REQUIRE(matched);
    REQUIRE_FALSE(*matched);
    CHECK(matched->error().what == "tag: a % is not followed by two hexadecimal digits");
}

TEST_CASE("the reference page has every route, with its access and its sentence") {
    std::ifstream file{std::string{SHIFTER_SOURCE_DIR} + "/docs/reference/rest-api.md"};
    std::ostringstream page;
    page << file.rdbuf();
    for (const Route & route : Api::routes()) {
        const char * access = route.access == Access::open     ? "open"
                              : route.access == Access::reader ? "reader"
                              : route.access == Access::caller ? "caller"
                                                               : "admin";
        const std::string row = std::string{"| `"} + (route.method == Method::post ? "POST" : "GET") + " " +
                                std::string{route.pattern} + "` | " + access + " | " + std::string{route.summary} +
                                " |";
        INFO(row);
        CHECK(page.str().find(row) != std::string::npos);
    }
}
