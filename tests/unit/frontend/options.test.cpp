#include "frontend/options.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using frontend::parse_options;
using Words = std::vector<std::string>;

TEST_CASE("options end at the first word that is none") {
    const auto options = parse_options({"-i", "a", "cmd", "-v", "--image=b"});
    REQUIRE(options);
    CHECK(options->image == "a");
    CHECK(options->command == Words{"cmd", "-v", "--image=b"});
    CHECK_FALSE(options->verbose);
}

TEST_CASE("two dashes end the options") {
    const auto options = parse_options({"-v", "--", "-x"});
    REQUIRE(options);
    CHECK(options->command == Words{"-x"});
}

TEST_CASE("abbreviations of field scripts mean what they meant (H1-2)") {
    CHECK(parse_options({"--ver"})->verbose);
    CHECK(parse_options({"--ve"})->verbose);
    CHECK_FALSE(parse_options({"--ver"})->version);
    CHECK(parse_options({"--verb"})->verbose);
    CHECK(parse_options({"--vol", "/a:/b"})->volumes == "/a:/b");
    CHECK(parse_options({"--ent=x"})->entrypoint.value == "x");
    CHECK(parse_options({"--im=x"})->image == "x");
    CHECK(parse_options({"--mod", "m"})->modules == "m");
    CHECK(parse_options({"--env-f", "f"})->environment_file == "f");
    CHECK(parse_options({"--clear"})->clear_environment);
    CHECK(parse_options({"--c"})->clear_environment);
    CHECK(parse_options({"--env", "A=1"})->environment == Words{"A=1"});
    CHECK_FALSE(parse_options({"--v"})); // was ambiguous already
}

TEST_CASE("the option --version is an option of its own") { CHECK(parse_options({"--version"})->version); }

TEST_CASE("optional arguments must be attached") {
    auto options = parse_options({"--workdir", "/x", "cmd"});
    REQUIRE(options);
    CHECK(options->workdir == OptionalChoice{true, std::nullopt});
    CHECK(options->command == Words{"/x", "cmd"});
    CHECK(parse_options({"-w/x"})->workdir.value == "/x");
    CHECK(parse_options({"--entry=/bin/run"})->entrypoint.value == "/bin/run");
}

TEST_CASE("repeated options accumulate or the last one wins, as in table 1.1") {
    const auto options = parse_options(
        {"-V", "/a:/b", "-V", "/c:/d", "-i", "x", "-i", "y", "-m", "p", "-m", "q", "-e", "A=1", "-e", "A=2", "-vn"});
    REQUIRE(options);
    CHECK(options->volumes == "/a:/b;/c:/d");
    CHECK(options->image == "y");
    CHECK(options->modules == "q");
    CHECK(options->environment == Words{"A=1", "A=2"});
    CHECK(options->verbose);
}

TEST_CASE("a mistake is named") {
    const auto [words, what] = GENERATE(table<Words, const char *>({
        {{"--v"}, "option \"--v\" may be --verbose, --volume or --version; write more of it"},
        {{"--en=A"}, "option \"--en=A\" may be --entrypoint, --entry, --env or --env-file; write more of it"},
        {{"--vx"}, "there is no option \"--vx\"; see shifter --help"},
        {{"--foo"}, "there is no option \"--foo\"; see shifter --help"},
        {{"-v", "--foo=1"}, "there is no option \"--foo=1\"; see shifter --help"},
        {{"-q"}, "there is no option \"-q\"; see shifter --help"},
        {{"--clearenv=1"}, "option \"--clearenv\" takes no argument"},
        {{"-i"}, "option \"-i\" needs an argument"},
        {{"--image"}, "option \"--image\" needs an argument"},
        {{"-e", "FOO"}, "--env needs NAME=VALUE, not \"FOO\""},
        {{"-e", "=x"}, "--env needs NAME=VALUE, not \"=x\""},
    }));
    const auto options = parse_options(words);
    REQUIRE_FALSE(options);
    CHECK(options.error().what == what);
}

TEST_CASE("the option --env takes an empty value, and everything behind the first equals sign") {
    CHECK(parse_options({"-e", "A=", "-e", "B=b=c"})->environment == Words{"A=", "B=b=c"});
}

TEST_CASE("the file to check is attached or the next word") {
    CHECK(parse_options({"--check-config"})->check_config == "");
    CHECK(parse_options({"--check-config=/a"})->check_config == "/a");
    CHECK(parse_options({"--check-config", "/a"})->check_config == "/a");
    CHECK_FALSE(parse_options({"--check-config=/a", "/b"}));
    CHECK_FALSE(parse_options({"cmd"})->check_config);
}

TEST_CASE("the options --dry-run and --timing take nothing") {
    CHECK(parse_options({"--dry-run", "cmd"})->dry_run);
    CHECK(parse_options({"--timing", "cmd"})->timing);
    CHECK_FALSE(parse_options({"--dry-run=1"}));
}
