#include "base/image_request.hpp"

#include <catch2/catch.hpp>

using shifter::ImageRequest;
using shifter::ImageType;

TEST_CASE("a request is a type and a tag (vectors of 2.2)") {
    auto [text, fallback, type, tag] = GENERATE(table<std::string, std::optional<ImageType>, ImageType, std::string>({
        {"docker:ubuntu:16.04", std::nullopt, ImageType::docker, "ubuntu:16.04"},
        {"ubuntu:16.04", ImageType::docker, ImageType::docker, "ubuntu:16.04"},
        {"id:8f3a", std::nullopt, ImageType::id, "8f3a"},
        {"local:/", ImageType::docker, ImageType::local, "/"},
        {"registry.example.org:5000/a/b:1", ImageType::docker, ImageType::docker, "registry.example.org:5000/a/b:1"},
        {"custom:grp/img:1", std::nullopt, ImageType::custom, "grp/img:1"}, // H2-1
        {"docker:user/app@sha256:0123", std::nullopt, ImageType::docker, "user/app@sha256:0123"},
        {"docker://ubuntu:22.04", std::nullopt, ImageType::docker, "ubuntu:22.04"},
        {"ubuntu", ImageType::custom, ImageType::custom, "ubuntu"},
        {"Docker:x", ImageType::docker, ImageType::docker, "Docker:x"}, // names of types are case-sensitive
    }));
    INFO(text);
    const auto request = ImageRequest::parse(text, fallback);
    REQUIRE(request);
    CHECK(request->type == type);
    CHECK(request->tag == tag);
    CHECK(ImageRequest::parse(request->to_string(), std::nullopt) == request);
    CHECK(ImageRequest::from_parts(shifter::to_string(type), tag) == request);
}

TEST_CASE("I16: what Shifter changed silently is refused, with its first bad character (H2-1)") {
    auto [text, what] = GENERATE(table<std::string, std::string>({
        {"docker:this is *odd*", "the character \" \" cannot stand in an image name"},
        {"docker:a~b", "the character \"~\" cannot stand in an image name"},
        {"docker:a\nb", "the character \"\\x0a\" cannot stand in an image name"},
        {"docker:$(id)", "the character \"$\" cannot stand in an image name"},
        {"docker:", "no image is named; write for example docker:debian:12"},
        {"docker://", "no image is named; write for example docker:debian:12"},
        {"docker:" + std::string(1025, 'a'), "an image name has at most 1024 bytes"},
        {"ubuntu:16.04",
         "it does not say its type, and the site has no defaultImageType; write for example docker:ubuntu:16.04"},
    }));
    const auto request = ImageRequest::parse(text, std::nullopt);
    REQUIRE_FALSE(request);
    CHECK(request.error().what == what);
}

TEST_CASE("types have their names, and no others (2.1)") {
    CHECK(ImageRequest::parse("docker:" + std::string(1024, 'a'), std::nullopt));
    CHECK(shifter::image_type_named("local") == ImageType::local);
    CHECK_FALSE(shifter::image_type_named("LOCAL"));
    CHECK_FALSE(shifter::image_type_named(""));
    CHECK_FALSE(ImageRequest::from_parts("oci", "x"));
    CHECK_FALSE(ImageRequest::parse("", ImageType::docker));
}
