#include "pull/image_facts.hpp"
#include "base/error.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::pull;

TEST_CASE("the time of an image is read as RFC 3339 has it, and anything else is the epoch") {
    auto [text, seconds] = GENERATE(table<std::string, std::uint32_t>({
        {"1970-01-01T00:00:01Z", 1},
        {"2024-05-01T12:34:56Z", 1714566896},
        {"2024-05-01T12:34:56.123456789Z", 1714566896},
        {"2024-05-01t14:34:56+02:00", 1714566896},
        {"2024-05-01T10:04:56-02:30", 1714566896},
        {"0001-01-01T00:00:00Z", 0}, // what docker writes for "unknown"
        {"2106-02-07T06:28:15Z", 4294967295U},
        {"2106-02-07T06:28:16Z", 0},
        {"2024-02-30T00:00:00Z", 0},
        {"2024-05-01", 0},
        {"2024-05-01T12:34:56", 0},
        {"2024-05-01T12:34:56Zx", 0},
        {"2024-05-01T24:00:00Z", 0},
        {"", 0},
    }));
    INFO(text);
    CHECK(created_seconds(text) == seconds);
}

TEST_CASE("the record has the image's entry point, command, directory, variables and platform") {
    oci::ImageConfig config;
    config.env = {"PATH=/bin", "EMPTY="};
    config.entrypoint = std::vector<std::string>{"/bin/start"};
    config.cmd = std::vector<std::string>{};
    config.workdir = "";
    config.platform = {"linux", "amd64", ""};
    const ImageRecord record = record_of(config);
    CHECK(record.env == config.env);
    CHECK(record.entrypoint == config.entrypoint);
    CHECK(record.cmd == config.cmd);
    CHECK_FALSE(record.workdir);
    CHECK(record.platform == "linux/amd64");
    CHECK(record.acl.is_public());
}

TEST_CASE("I18: a variable that cannot be written down is refused by its name, not dropped") {
    oci::ImageConfig config;
    config.env = {"A=1", std::string{"BAD=a\0b", 7}};
    CHECK_THROWS_WITH(record_of(config),
                      Catch::Matchers::StartsWith("cannot publish the image: its variable \"BAD\" cannot be written"));
    config.env = {"A=1", "NOVALUE"};
    CHECK_THROWS_WITH(record_of(config), "cannot publish the image: its variable \"NOVALUE\" has no value");
    config.env = {};
    config.workdir = "/a\nb";
    CHECK_THROWS_WITH(record_of(config),
                      Catch::Matchers::StartsWith("cannot publish the image: its working directory cannot"));
}
