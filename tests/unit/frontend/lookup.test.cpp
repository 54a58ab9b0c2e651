#include "frontend/lookup.hpp"

#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <sys/stat.h>

using namespace shifter;
using frontend::look_up;
using frontend::parse_lookup;

namespace {

/** A program that stands in for shifterimg. */
class Script {
public:
    explicit Script(const std::string & body) : path_{directory_.path() + "/shifterimg"} {
        std::ofstream{path_} << "#!/bin/sh\n" << body;
        ::chmod(path_.c_str(), 0755);
    }
    [[nodiscard]] const std::string & path() const { return path_; }

private:
    test::ScratchDirectory directory_;
    std::string path_;
};

const ImageRequest ubuntu{ImageType::docker, "ubuntu:22.04"};

} // namespace

TEST_CASE("the id is the first line without a colon") {
    CHECK(parse_lookup("ENV:A=1\nENTRY:x\nabc123\nffff\n")->to_string() == "abc123");
    CHECK(parse_lookup("abc123")->to_string() == "abc123");
}

TEST_CASE("I17: a lookup that prints no well-formed id is refused") {
    CHECK_FALSE(parse_lookup(GENERATE("", "\n\n", "a:b\n", "../../tmp/x\n", "ABC\n", "..\n", "abc 123\n")));
}

TEST_CASE("a lookup's answer has at most 1 MiB (R16)") {
    const auto answer_of = [](const char * bytes) {
        return look_up(Script{std::string{"echo abc3\nhead -c "} + bytes + " /dev/zero\n"}.path(), ubuntu, std::chrono::seconds{20});
    };
    CHECK(answer_of("1048571").to_string() == "abc3"); // and five before them
    CHECK_THROWS_WITH(answer_of("1048572"), "cannot look up the image docker:ubuntu:22.04: the answer is longer than an id can be");
}

TEST_CASE("the tag reaches the client as one argument, without a shell (H2-2)") {
    const Script script{"[ \"$#:$1:$2\" = '2:lookup:docker:ubuntu:22.04' ] && echo abc1\n"};
    CHECK(look_up(script.path(), ubuntu, std::chrono::seconds{20}).to_string() == "abc1");
}

TEST_CASE("the client runs without the caller's environment") {
    ::setenv("http_proxy", "http://nowhere", 1);
    const Script script{"[ -z \"$http_proxy$HOME\" ] && echo abc2\n"};
    CHECK(look_up(script.path(), ubuntu, std::chrono::seconds{20}).to_string() == "abc2");
}

TEST_CASE("a client that fails, hangs or is missing ends with a sentence") {
    CHECK_THROWS_WITH(look_up(Script{"echo shifterimg: there is none >&2\nexit 1\n"}.path(), ubuntu, std::chrono::seconds{20}),
                      "there is none");
    CHECK_THROWS_WITH(
        look_up(Script{"echo 'shifterimg: cannot find it (404)' >&2\nexit 1\n"}.path(), ubuntu, std::chrono::seconds{20}),
        "cannot find it (404); pull it first: shifterimg pull docker:ubuntu:22.04");
    CHECK_THROWS_WITH(
        look_up(
            Script{"echo 'shifterimg: none here; shifterimg --platform=linux/386 pull x brings it (404)' >&2\nexit 1\n"}
                .path(),
            ubuntu, std::chrono::seconds{20}),
        "none here; shifterimg --platform=linux/386 pull x brings it (404)");
    CHECK_THROWS_WITH(look_up(Script{"exit 1\n"}.path(), ubuntu, std::chrono::seconds{20}),
                      Catch::StartsWith("cannot look up the image docker:ubuntu:22.04: \"") &&
                          Catch::EndsWith("\" failed without a word"));
    CHECK_THROWS_WITH(look_up(Script{"exec sleep 60\n"}.path(), ubuntu, std::chrono::seconds{1}),
                      "cannot look up the image docker:ubuntu:22.04: no answer in 1 s");
    CHECK_THROWS_WITH(look_up("/nonexistent/shifterimg", ubuntu, std::chrono::seconds{20}),
                      "cannot look up the image docker:ubuntu:22.04: cannot start \"/nonexistent/shifterimg\": No such "
                      "file or directory");
}
