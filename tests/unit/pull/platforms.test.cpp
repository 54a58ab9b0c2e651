#include "pull/platforms.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::pull;

namespace {

System several() {
    System system;
    system.name = "alpha";
    system.platform = *Platform::parse("linux/amd64");
    system.more_platforms = {*Platform::parse("linux/arm64"), *Platform::parse("linux/amd64/v3")};
    return system;
}

} // namespace

TEST_CASE("a tag is stored with its platform, unless that is the first, and is read back") {
    const System system = several();
    const std::string name = GENERATE(as<std::string>{}, "org/app:1", "127.0.0.1:5000/a@sha256:ab", "ann/mine");
    for (const Platform & platform : platforms_of(system)) {
        const std::string stored = stored_tag(system, platform, name);
        CHECK(name_of(stored) == name);
        CHECK(platform_of(system, stored) == platform);
    }
    CHECK(stored_tag(system, system.platform, name) == name);
    CHECK(stored_tag(system, system.more_platforms.front(), name) == name + " linux/arm64");
}

TEST_CASE("a pull for a platform that the configuration no longer has ends in words") {
    CHECK_THROWS_WITH(platform_of(several(), "org/app:1 linux/386"), "system alpha has no images for linux/386 any more");
}

TEST_CASE("an image is for a platform when its architecture is, and it says so") {
    System system = several();
    catalog::Image image{"alpha", ImageType::docker, *ImageId::parse("8f3a")};
    auto [built_for, wanted, is_for] = GENERATE(table<std::string, std::string, bool>({
        {"linux/amd64", "linux/amd64", true},
        {"linux/arm64/v8", "linux/arm64", true},
        {"linux/amd64", "linux/amd64/v3", true},
        {"linux/arm64", "linux/amd64", false},
        {"", "linux/arm64", true}, // taken over from a service that did not note it
    }));
    image.platform = built_for;
    CHECK(is_for_platform(system, image, *Platform::parse(wanted)) == is_for);
    system.more_platforms.clear();
    CHECK(is_for_platform(system, image, *Platform::parse(wanted)));
}
