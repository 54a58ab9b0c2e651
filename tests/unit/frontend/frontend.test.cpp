#include "frontend/frontend.hpp"

#include "base/installed_paths.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>
#include <fstream>

using namespace shifter;

namespace {

struct Run {
    frontend::Output output;
    std::variant<RunRequest, int> answer = -1;
};

Run run(const std::vector<std::string> & arguments, const std::string & config, uid_t uid = 1000, gid_t gid = 1000) {
    Run result;
    const frontend::Host host{[](const std::string &) { return std::nullopt; }, config, "/home/me", uid, gid};
    result.answer = frontend::run_frontend(arguments, host, result.output);
    return result;
}

std::string write_config(const test::ScratchDirectory & directory) {
    const std::string path = directory.path() + "/udiRoot.conf";
    std::ofstream{path} << "udiMount=/var/udiMount\nloopMount=/var/loop\nimagePath=/images\nudiRootPath=/usr\netcPath=/"
                           "etc/x\nrootfsType=tmpfs\n"
                           "cpPath=/bin/cp\nmvPath=/bin/mv\nchmodPath=/bin/chmod\nddPath=/bin/dd\nmodprobePath=/bin/"
                           "true\ninsmodPath=/bin/true\n"
                           "defaultImageType=docker\n";
    return path;
}

} // namespace

TEST_CASE("help and version need no configuration (H1-3)") {
    const Run help = run({"--help"}, "/nonexistent/udiRoot.conf");
    CHECK(std::get<int>(help.answer) == 0);
    CHECK_THAT(help.output.out, Catch::StartsWith("usage: shifter ") && Catch::EndsWith("See shifter(1).\n"));
    const Run version = run({"--version"}, "/nonexistent/udiRoot.conf");
    CHECK(std::get<int>(version.answer) == 0);
    CHECK(version.output.out == std::string{"shifter "} + installed::version + "\n");
    CHECK(version.output.err.empty());
}

TEST_CASE("a mistake goes to stderr and the usage to stdout, with status 1") {
    const Run wrong = run({"--nonsense"}, "/nonexistent");
    CHECK(std::get<int>(wrong.answer) == 1);
    CHECK(wrong.output.err == "shifter: there is no option \"--nonsense\"; see shifter --help\n");
    CHECK(wrong.output.out == frontend::usage());
}

TEST_CASE("I1: root and members of root's group are sent away before anything is looked up") {
    CHECK(run({"-i", "id:0"}, "/nonexistent", 0, 1).output.err ==
          "shifter: it is not for root: run it as an ordinary user\n");
    CHECK_THAT(run({"-i", "id:0"}, "/nonexistent", 1, 0).output.err,
               Catch::StartsWith("shifter: your primary group is 0"));
}

TEST_CASE("what the options say stands in the request") {
    const test::ScratchDirectory directory;
    const Run done = run({"-v", "--dry-run", "--timing", "-E", "-V", "/a:/b", "-m", "x", "--workdir", "-e", "A=1", "--env-file=f",
                          "--entrypoint=e", "-i", "id:abc", "cmd", "-x"},
                         write_config(directory));
    RunRequest expected{.image = *ImageId::parse("abc")};
    expected.image_request = "id:abc";
    expected.volumes = "/a:/b";
    expected.modules = "x";
    expected.command = {"cmd", "-x"};
    expected.entrypoint = {true, "e"};
    expected.workdir = {true, std::nullopt};
    expected.current_directory = "/home/me";
    expected.environment = {"A=1"};
    expected.environment_file = "f";
    expected.clear_environment = true;
    expected.verbose = true;
    expected.dry_run = true;
    expected.timing = true;
    CHECK(std::get<RunRequest>(done.answer) == expected);
}

TEST_CASE("I17: an id that could be a path is refused") {
    const test::ScratchDirectory directory;
    CHECK_THROWS_WITH(
        run({"-i", "id:../x"}, write_config(directory)),
        "cannot use the image \"id:../x\" of --image: an image id has only the digits 0-9 and a-f, not \".\"; an image "
        "that has a name is docker:NAME");
}

TEST_CASE("a local image is named by an absolute path") {
    const test::ScratchDirectory directory;
    CHECK(std::get<RunRequest>(run({"-i", "local:/tree"}, write_config(directory)).answer).image ==
          RequestedImage{LocalImage{"/tree"}});
    CHECK_THROWS_WITH(run({"-i", "local:tree"}, write_config(directory)),
                      "cannot use the image \"local:tree\": local: needs an absolute path");
}
