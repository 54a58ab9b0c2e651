#include "base/platform.hpp"

#include <catch2/catch.hpp>

using namespace shifter;

namespace {

Platform platform(const std::string & text) {
    auto parsed = Platform::parse(text);
    REQUIRE(parsed);
    return *parsed;
}

} // namespace

TEST_CASE("platforms are read as Docker and uname write them") {
    auto [text, full] = GENERATE(table<std::string, std::string>({
        {"linux/amd64", "linux/amd64"},
        {"amd64", "linux/amd64"},
        {"x86_64", "linux/amd64"},
        {"linux/x86_64", "linux/amd64"},
        {"aarch64", "linux/arm64/v8"},
        {"arm64", "linux/arm64"},
        {"armv7l", "linux/arm/v7"},
        {"linux/arm/v6", "linux/arm/v6"},
        {"ppc64le", "linux/ppc64le"},
        {"i686", "linux/386"},
        {"windows/amd64", "windows/amd64"},
    }));
    INFO(text);
    CHECK(platform(text).to_string() == full);
    CHECK(platform(platform(text).to_string()) == platform(text));
}

TEST_CASE("a malformed platform is refused") {
    const std::string text = GENERATE(as<std::string>{}, "", "/", "linux/", "/amd64", "linux/amd64/", "a/b/c/d",
                                      "Linux/AMD64", "linux/am d64", "linux/amd64\n", std::string(65, 'a'));
    INFO(text);
    CHECK_FALSE(Platform::parse(text));
    CHECK(Platform::parse(std::string(64, 'a')));
}

TEST_CASE("this machine has a platform that can be written and read") {
    const Platform here = Platform::of_this_machine();
    CHECK(here.os == "linux");
    CHECK(Platform::parse(here.to_string()) == here);
}

TEST_CASE("two words mean one platform when they differ in a variant that goes without saying") {
    auto [left, right, same] = GENERATE(table<std::string, std::string, bool>({
        {"linux/arm64", "linux/arm64/v8", true},
        {"arm", "armv7l", true},
        {"linux/arm/v6", "arm", false},
        {"amd64", "linux/amd64/v3", false},
        {"amd64", "386", false},
    }));
    INFO(left << " and " << right);
    CHECK(platform(left).means(platform(right)) == same);
    CHECK(names_of({platform("amd64"), platform("linux/arm64/v8")}) == "linux/amd64, linux/arm64/v8");
}
