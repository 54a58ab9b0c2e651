#include "client/options.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::client;

namespace {

Options parse(std::vector<std::string> words) {
    words.insert(words.begin(), "shifterimg");
    std::vector<char *> args;
    for (std::string & word : words) args.push_back(word.data());
    return parse_options(args);
}

} // namespace

TEST_CASE("a mode, its word, and the options before it (9.1)") {
    const Options options = parse({"-v", "-u", "12,34", "--user=56", "-g7", "pull", "docker:ubuntu:22.04"});
    CHECK(options.mode == Mode::pull);
    CHECK(options.argument == "docker:ubuntu:22.04");
    CHECK(options.verbose);
    CHECK(options.users == std::vector<std::uint32_t>{12, 34, 56});
    CHECK(options.groups == std::vector<std::uint32_t>{7});
    CHECK(parse({"images"}).mode == Mode::images);
    CHECK(parse({"login"}).argument.empty());
    CHECK(parse({"login", "reg.example.org", "--password-stdin"}).password_stdin);
    CHECK(parse({"--password-stdin", "--username", "ann", "login", "r"}).username == "ann");
}

TEST_CASE("options that only some modes have may stand behind them, and a pull takes several images") {
    CHECK(parse({"images", "--long"}).long_lines);
    CHECK(parse({"--long", "images", "ubuntu*"}).argument == "ubuntu*");
    CHECK(parse({"tree", "--dot"}).dot);
    CHECK(parse({"lookup", "a:1", "--json"}).json);
    CHECK(parse({"--json", "lookup", "a:1"}).json);
    CHECK(parse({"pull", "a:1", "b:2"}).arguments == std::vector<std::string>{"a:1", "b:2"});
    CHECK(parse({"pull", "a:1", "b:2"}).argument == "a:1");
    CHECK(name_of(Mode::tree) == "tree");
}

TEST_CASE("names and numbers of accounts are readers, and what is neither is an error (H9-2)") {
    CHECK(parse({"-u", "daemon", "pull", "x"}).users == std::vector<std::uint32_t>{1});
    CHECK(parse({"--group", "daemon", "pull", "x"}).groups == std::vector<std::uint32_t>{1});
    CHECK_THROWS_WITH(parse({"-u", "nobody-of-that-name", "pull", "x"}),
                      "there is no user \"nobody-of-that-name\"; nothing was pulled");
    CHECK_THROWS_WITH(parse({"-g", "1,,2", "pull", "x"}), "--group \"1,,2\" names nobody between two commas");
    CHECK_THROWS_WITH(parse({"-u", "", "pull", "x"}), "--user \"\" names nobody between two commas");
    CHECK_THROWS_WITH(parse({"-u", "root", "pull", "x"}),
                      "--user cannot name \"root\": 0 is not a reader; nothing was pulled");
    CHECK_THROWS(parse({"-u", "-5", "pull", "x"}));
    CHECK_THROWS(parse({"-u", "4294967295", "pull", "x"}));
}

TEST_CASE("a command that cannot be meant is a usage error (9.1, H9-1, H9-3)") {
    auto [words, what] = GENERATE(table<std::vector<std::string>, std::string>({
        {std::vector<std::string>{}, "no mode is given"},
        {{"frobnicate"}, "\"frobnicate\" is no mode"},
        {{"lookup"}, "lookup needs an image: type and tag, for example docker:ubuntu:22.04"},
        {{"pull", ""}, "pull needs an image: type and tag, for example docker:ubuntu:22.04"},
        {{"images", "ubuntu", "debian"}, "\"debian\" is one word too many; options stand before the mode"},
        {{"queue", "ubuntu"}, "\"ubuntu\" is one word too many; options stand before the mode"},
        {{"pull", "a", ""}, "pull needs an image: type and tag, for example docker:ubuntu:22.04"},
        {{"--long", "queue"}, "--long is an option of images"},
        {{"--dot", "images"}, "--dot is an option of tree"},
        {{"queue", "--long"}, "\"--long\" is one word too many; options stand before the mode"},
        {{"pull", "x", "-v"}, "\"-v\" is one word too many; options stand before the mode"},
        {{"login", "a", "b"}, "\"b\" is one word too many; options stand before the mode"},
        {{"--frob", "pull", "x"}, "no option \"--frob\""},
        {{"-u"}, "-u needs an argument"},
    }));
    try {
        (void)parse(words);
        FAIL("taken");
    } catch (const UsageError & error) {
        CHECK(std::string{error.what()} == what);
    }
}
