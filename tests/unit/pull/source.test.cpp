#include "base/error.hpp"
#include "pull/source.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::pull;

namespace {

GatewaySettings settings_of(const std::vector<std::string> & locations, const std::string & fallback = "docker.io") {
    GatewaySettings settings;
    settings.default_location = fallback;
    for (const std::string & name : locations) {
        registry::Location location;
        location.name = name;
        location.url = "https://" + name;
        settings.locations.emplace(name, location);
    }
    return settings;
}

} // namespace

TEST_CASE("a tag of type docker has a tag or a digest on every route, one of type custom stays (contract 7.3, H7-4)") {
    auto [text, canonical] = GENERATE(table<std::string, std::string>({
        {"ubuntu", "ubuntu:latest"},
        {"ubuntu:22.04", "ubuntu:22.04"},
        {"reg:5000/a", "reg:5000/a:latest"},
        {"reg:5000/a/b:1", "reg:5000/a/b:1"},
        {"a@sha256:0123", "a@sha256:0123"},
        {"docker://ubuntu", "ubuntu:latest"},
        {"docker://reg.example.org/a:1", "reg.example.org/a:1"},
    }));
    CHECK(canonical_tag(ImageType::docker, text) == canonical);
    CHECK(canonical_tag(ImageType::docker, canonical) == canonical);
    CHECK(canonical_tag(ImageType::custom, text) == text);
}

TEST_CASE("a tag leads to the registry that the site means by it (contract 8.1)") {
    const auto settings = settings_of({"registry-1.docker.io", "reg.example.org", "local"}, "registry-1.docker.io");
    auto [tag, url, repository] = GENERATE(table<std::string, std::string, std::string>({
        {"ubuntu:22.04", "https://registry-1.docker.io", "library/ubuntu"},
        {"docker.io/library/ubuntu:22.04", "https://registry-1.docker.io", "library/ubuntu"},
        {"index.docker.io/org/app:1", "https://registry-1.docker.io", "org/app"},
        {"reg.example.org/team/app:1", "https://reg.example.org", "team/app"},
        {"local/app:1", "https://local", "app"},
        {"team/app:1", "https://registry-1.docker.io", "team/app"},
    }));
    const Source source = resolve_source(settings, tag);
    CHECK(source.location.url == url);
    CHECK(source.reference.repository == repository);
}

TEST_CASE("Docker Hub is reached without any location, when it is the default") {
    const Source source = resolve_source(settings_of({}), "ubuntu:latest");
    CHECK(source.location.url == "https://registry-1.docker.io");
    CHECK(source.location.name == "docker.io");
}

TEST_CASE("I29: a registry without a location is allowed by the policy list alone, http only where the list says so") {
    auto settings = settings_of({"docker.io"});
    settings.registries.allowed = {"quay.io", "*.example.org", "reg.lan:5000"};
    settings.registries.insecure = {"reg.lan:5000"};
    CHECK(resolve_source(settings, "quay.io/a/b:1").location.url == "https://quay.io");
    CHECK(resolve_source(settings, "a.example.org/b:1").location.url == "https://a.example.org");
    CHECK(resolve_source(settings, "reg.lan:5000/b:1").location.url == "http://reg.lan:5000");
    const std::string refused =
        GENERATE(as<std::string>{}, "example.org/b:1", "badexample.org/b:1", "quay.io:5000/b:1",
                 "a.example.org:8080/b:1", "reg.lan/b:1", "169.254.169.254/b:1", "localhost/b:1");
    INFO(refused);
    CHECK_THROWS_WITH(resolve_source(settings, refused),
                      "cannot pull \"" + refused + "\": this site does not allow the registry \"" +
                          refused.substr(0, refused.find('/')) +
                          "\"; it allows docker.io, quay.io, *.example.org, reg.lan:5000");
}

TEST_CASE("a list of \"*\" allows every registry, still by https") {
    auto settings = settings_of({});
    settings.registries.allowed = {"*"};
    CHECK(resolve_source(settings, "anything.example.com:443/b:1").location.url == "https://anything.example.com:443");
}

TEST_CASE("I16: a malformed reference is refused in words") {
    CHECK_THROWS_WITH(resolve_source(settings_of({}), "UPPER:1"),
                      "cannot pull \"UPPER:1\": a part of a repository name begins "
                      "and ends with a lower-case letter or a digit");
}
