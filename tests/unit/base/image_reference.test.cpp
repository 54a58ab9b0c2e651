#include "base/image_reference.hpp"

#include <catch2/catch.hpp>

using shifter::ImageReference;

namespace {
const std::string hex(64, 'a');
}

TEST_CASE("references are read as users type them (contract 8.1)") {
    auto [text, full] = GENERATE(table<std::string, std::string>({
        {"ubuntu", "docker.io/library/ubuntu:latest"},
        {"ubuntu:22.04", "docker.io/library/ubuntu:22.04"},
        {"docker.io/ubuntu", "docker.io/library/ubuntu:latest"},
        {"index.docker.io/a/b:1", "docker.io/a/b:1"},
        {"registry-1.docker.io/ubuntu:1", "docker.io/library/ubuntu:1"},
        {"org/app@sha256:" + hex, "docker.io/org/app@sha256:" + hex},
        {"org/app:1@sha256:" + hex, "docker.io/org/app:1@sha256:" + hex},
        {"host:5000/a/b/c:tag", "host:5000/a/b/c:tag"},
        {"localhost/a", "localhost/a:latest"},
        {"127.0.0.1:5000/a:1", "127.0.0.1:5000/a:1"},
        {"docker://reg.example.org/team/app:1", "reg.example.org/team/app:1"},
        {"a__b/c--d:x", "docker.io/a__b/c--d:x"},
    }));
    const auto reference = ImageReference::parse(text);
    INFO(text);
    REQUIRE(reference);
    CHECK(reference->to_string() == full);
    CHECK(ImageReference::parse(reference->to_string()) == reference);
}

TEST_CASE("a first component that the site has configured is that registry") {
    const auto reference = ImageReference::parse("local/app:1", "docker.io", [](std::string_view name) { return name == "local"; });
    REQUIRE(reference);
    CHECK(reference->registry == "local");
    CHECK(reference->repository == "app");
}

TEST_CASE("a malformed reference is refused, never changed (I16)") {
    const std::string text = GENERATE(as<std::string>{}, "", "docker://", "UPPER", "a//b", "/a", "a/", "a:", "a:b:c", "a@sha256:12", "a@md5:" + hex, ":tag", "a b",
                                      "a:t\n", "..", "a/../b", "host:99999/a", "host:0/a", "-a", "a-", "a___b", "a._b", "a..b", "a@", "a:" + std::string(129, 't'),
                                      std::string(300, 'a'), "-h.x/a", "a:1@sha256:" + hex + "@x");
    INFO(text);
    CHECK_FALSE(ImageReference::parse(text));
}

TEST_CASE("a repository has at most 255 bytes, and a whole name 1,024 (R16)") {
    const auto what = [](const std::string & text) {
        const auto reference = ImageReference::parse(text, "docker.io");
        return reference ? "" : reference.error().what;
    };
    CHECK(what("host.x/" + std::string(255, 'a')).empty());
    CHECK(what("host.x/" + std::string(256, 'a')) == "a repository name has at most 255 bytes");
    CHECK(what(std::string(1024, 'a')) == "a repository name has at most 255 bytes");
    CHECK(what(std::string(1025, 'a')) == "an image name has at most 1024 bytes");
}
