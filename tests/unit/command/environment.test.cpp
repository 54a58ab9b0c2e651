#include "command/environment.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace shifter;
using command::Environment;
using Words = std::vector<std::string>;

namespace {

struct Sources {
    Words host;
    ImageRecord image;
    RunRequest request{.image = *ImageId::parse("abc123")};
    Words file;
    std::vector<const Module *> modules;
    SiteConfig site;

    [[nodiscard]] Environment compose() const {
        return command::compose_environment({host, image, request, file, modules, site});
    }
};

std::string value_of(const Environment & environment, const std::string & name) {
    const std::string * const value = environment.find(name);
    return value != nullptr ? *value : "(unset)";
}

} // namespace

TEST_CASE("each source of the environment replaces the one before it, in the order of contract 1.6") {
    Sources sources;
    Module module;
    const auto set = [](const char * value) { return EnvironmentEdit{{{"V", value}}, {}, {}, {}}; };
    sources.host = {"V=host"};
    CHECK(value_of(sources.compose(), "V") == "host");
    sources.image.env = {"V=image"};
    CHECK(value_of(sources.compose(), "V") == "image");
    sources.file = {"V=file"};
    CHECK(value_of(sources.compose(), "V") == "file");
    sources.request.environment = {"V=option", "V=last option"};
    CHECK(value_of(sources.compose(), "V") == "last option");
    module.environment = set("module");
    sources.modules = {&module};
    CHECK(value_of(sources.compose(), "V") == "module");
    sources.site.environment = set("site");
    CHECK(value_of(sources.compose(), "V") == "site");
}

TEST_CASE("the option --clearenv leaves out the host's variables and nothing else") {
    Sources sources;
    sources.host = {"A=host"};
    sources.image.env = {"B=image"};
    sources.request.clear_environment = true;
    const Environment environment = sources.compose();
    CHECK(value_of(environment, "A") == "(unset)");
    CHECK(value_of(environment, "B") == "image");
    CHECK(value_of(environment, "SHIFTER_IMAGE") == "abc123");
}

TEST_CASE("an image cannot forge SHIFTER_IMAGE or SHIFTER_IMAGEREQUEST (H1-7)") {
    Sources sources;
    sources.image.env = {"SHIFTER_IMAGE=forged", "SHIFTER_IMAGEREQUEST=forged"};
    sources.request.image_request = "docker:a:1";
    const Environment environment = sources.compose();
    CHECK(value_of(environment, "SHIFTER_IMAGE") == "abc123");
    CHECK(value_of(environment, "SHIFTER_IMAGEREQUEST") == "docker:a:1");
}

TEST_CASE("SHIFTER_IMAGEREQUEST is only replaced, never removed") {
    Sources sources;
    sources.host = {"SHIFTER_IMAGEREQUEST=older"};
    CHECK(value_of(sources.compose(), "SHIFTER_IMAGEREQUEST") == "older");
}

TEST_CASE(
    "I3: variables that steer the loader or the C library do not pass from the host, and may be set by option (H1-5)") {
    const std::string name = GENERATE("LD_PRELOAD", "LD_LIBRARY_PATH", "GCONV_PATH", "GLIBC_TUNABLES", "TMPDIR",
                                      "MALLOC_TRACE", "LOCPATH", "RES_OPTIONS", "HOSTALIASES", "RTLD_X", "TZDIR",
                                      "NLSPATH", "GETCONF_DIR", "LOCALDOMAIN", "NIS_PATH", "RESOLV_HOST_CONF");
    Sources sources;
    sources.host = {name + "=host"};
    CHECK(value_of(sources.compose(), name) == "(unset)");
    sources.request.environment = {name + "=option"};
    CHECK(value_of(sources.compose(), name) == "option");
}

TEST_CASE("empty values are values (H1-6)") {
    Sources sources;
    sources.host = {"A=x"};
    sources.image.env = {"A="};
    CHECK(value_of(sources.compose(), "A").empty());
}

TEST_CASE("of equal names in the host's environment the last one stays (H1-9)") {
    Sources sources;
    sources.host = {"A=1", "B=2", "A=3"};
    const Words entries = sources.compose().entries();
    CHECK(std::count(entries.begin(), entries.end(), "A=3") == 1);
    CHECK(std::count(entries.begin(), entries.end(), "A=1") == 0);
}

TEST_CASE("a site appends and prepends with colons, sets what is absent or empty, and removes last (H1-8)") {
    Environment environment;
    environment.set("PATH", "/bin");
    environment.set("EMPTY", "");
    command::apply({{},
                    {{"PATH", "/a1"}, {"PATH", "/a2"}, {"NEW", "/n"}, {"EMPTY", "/e"}},
                    {{"PATH", "/p1"}, {"PATH", "/p2"}},
                    {"NEW"}},
                   environment);
    CHECK(value_of(environment, "PATH") == "/p2:/p1:/bin:/a1:/a2");
    CHECK(value_of(environment, "EMPTY") == "/e");
    CHECK(value_of(environment, "NEW") == "(unset)");
}

TEST_CASE("an env file is read line by line, quotes and all (1.6)") {
    const auto entries = command::parse_environment_file("# comment\n\n  A=1  \nB=\"two words\"\nC=\n\tD=x=y\n");
    REQUIRE(entries);
    CHECK(*entries == Words{"A=1", "B=\"two words\"", "C=", "D=x=y"});
}

TEST_CASE("an env file's bad line is named") {
    const auto entries = command::parse_environment_file("A=1\nexport B\n");
    REQUIRE_FALSE(entries);
    CHECK(entries.error().what == "line 2 is not NAME=VALUE: \"export B\"");
}
