#include "frontend/platform_images.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::frontend;

namespace {

ImageId id(const char * text) { return *ImageId::parse(text); }
Platform machine(const char * text) { return *Platform::parse(text); }

const std::string both = "linux/386=77c1,linux/arm64=8f3a";

} // namespace

TEST_CASE("the images of a job are written and read as one text") {
    const auto images = parse_platform_images(both);
    REQUIRE(images);
    CHECK(images->size() == 2);
    CHECK(to_string(*images) == both);
    CHECK(parse_platform_images("")->empty());
}

TEST_CASE("a text that is no list of images is refused whole") {
    const std::string text = GENERATE(as<std::string>{}, ",", "linux/386", "linux/386=", "linux/386=../x", "=77c1",
                                      "linux/386=77c1,", "a b=77c1", "linux/386=77c1=8f3a");
    INFO(text);
    CHECK_FALSE(parse_platform_images(text));
}

TEST_CASE("the images of a job have at most 64 KiB (R16)") {
    std::string text = "linux/386=77c1";
    while (text.size() + 1 + both.size() <= (64U << 10U)) text += "," + both;
    CHECK(parse_platform_images(text));
    CHECK_FALSE(parse_platform_images(text + std::string((64U << 10U) + 1 - text.size(), '1')));
}

TEST_CASE("a lookup's lines of platforms are read, and others are not") {
    CHECK(to_string(platform_images_of_lookup(
              "8f3a\nENV: 77\nlinux/386: 77c1\nlinux/arm64: 8f3a\nlinux/s390x: ../x\n")) == both);
    CHECK(platform_images_of_lookup("8f3a\n").empty());
}

TEST_CASE("an image of the job becomes that of the node's platform, and any other stays what it is") {
    const auto images = *parse_platform_images(both);
    auto [node, named, found] = GENERATE(table<const char *, const char *, const char *>({
        {"i686", "77c1", "77c1"},
        {"i686", "8f3a", "77c1"},
        {"aarch64", "77c1", "8f3a"},
        {"x86_64", "abcd", "abcd"},
    }));
    CHECK(image_for(machine(node), images, id(named), "docker:app:1").to_string() == found);
    CHECK(image_for(machine(node), {}, id(named), "docker:app:1").to_string() == named);
    CHECK(hold_both(images, id("77c1"), id("8f3a")));
    CHECK_FALSE(hold_both(images, id("77c1"), id("abcd")));
}

TEST_CASE("R13: a node for which the job has no image says so, and what to do") {
    CHECK_THROWS_WITH(image_for(machine("x86_64"), *parse_platform_images(both), id("77c1"), "app:1"),
                      "the image app:1 of this job is there for linux/386, linux/arm64, and this node is linux/amd64; "
                      "pull it for that one (shifterimg --platform=linux/amd64 pull app:1), and submit the job again");
}
