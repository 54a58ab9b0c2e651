#include "frontend/check_config.hpp"

#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using test::ScratchDirectory;

namespace {

const std::string base = "udiMount=/var/udiMount\nloopMount=/var/udiLoopMount\nimagePath=/images\nudiRootPath=/"
                         "usr\netcPath=/etc/shifter/files\n";

struct Checked {
    int status = -1;
    frontend::Output output;
};

Checked check(const std::vector<std::string> & words, const std::string & installed, const std::string & where = "/") {
    Checked result;
    const frontend::Host host{[](const std::string &) { return std::nullopt; }, installed, where, 1000, 1000};
    result.status = std::get<int>(frontend::run_frontend(words, host, result.output));
    return result;
}

} // namespace

TEST_CASE("the check tells every problem at once, with file, line, key and the nearest known key (I37)") {
    const ScratchDirectory scratch;
    const std::string file = scratch.write("udiRoot.conf", base + "imagPath=/x\nlaunchTimeout=0\nsistem=s\n");
    const Checked checked = check({"--check-config"}, file);
    CHECK(checked.status == 1);
    CHECK(checked.output.out.empty());
    const std::string name = "shifter: " + file;
    const std::string warning = "shifter: warning: " + file;
    CHECK_THAT(checked.output.err,
               Catch::StartsWith(
                   name + ":6: imagPath: unknown key, and its name could grant something; is imagePath meant?\n" +
                   name + ":7: launchTimeout: \"0\" is not a number from 1 to 3600\n" + warning +
                   ":8: sistem: unknown key, which is ignored; is system meant?\n"));
    CHECK_THAT(checked.output.err, Catch::EndsWith(" problems\n"));
}

TEST_CASE("a configuration without problems is usable, and its drop-ins are named") {
    const ScratchDirectory scratch;
    const std::string file = scratch.write("udiRoot.conf", base);
    scratch.make_directory("udiRoot.conf.d");
    const std::string second = scratch.write("udiRoot.conf.d/20.conf", "system=b\n");
    const std::string first = scratch.write("udiRoot.conf.d/10.conf", "system=a\n");
    const Checked checked = check({"--check-config=" + file}, "/nonexistent/udiRoot.conf");
    CHECK(checked.status == 0);
    CHECK(checked.output.out == file + ", " + first + ", " + second + ": usable\n");
}

TEST_CASE("a file may follow as a word, and is found from the current directory") {
    const ScratchDirectory scratch;
    (void)scratch.write("draft.conf", base);
    const Checked checked = check({"--check-config", "draft.conf"}, "/nonexistent/udiRoot.conf", scratch.path());
    CHECK(checked.status == 0);
    CHECK(checked.output.out == scratch.path() + "/draft.conf: usable\n");
    CHECK(check({"--check-config", "a", "b"}, "/nonexistent").output.err ==
          "shifter: --check-config takes one file, and \"b\" is more\n");
}

TEST_CASE("I37: a file that others can write is a problem where it is installed, and a note for a draft") {
    const ScratchDirectory scratch;
    const std::string file = scratch.write("udiRoot.conf", base, 0666);
    const Checked installed = check({"--check-config"}, file);
    CHECK(installed.status == 1);
    CHECK_THAT(installed.output.err, Catch::Contains("shifter: cannot trust \"" + file + "\": "));
    const Checked draft = check({"--check-config", file}, "/etc/shifter/udiRoot.conf");
    CHECK(draft.status == 0);
    CHECK_THAT(draft.output.err, Catch::StartsWith("shifter: note: once installed: cannot trust \"" + file + "\": "));
}

TEST_CASE("I37: a drop-in, and the directory of drop-ins, are under the same rule") {
    const ScratchDirectory scratch;
    const std::string file = scratch.write("udiRoot.conf", base);
    const std::string folder = scratch.make_directory("udiRoot.conf.d", 0777);
    const std::string drop_in = scratch.write("udiRoot.conf.d/10.conf", "system=a\n", 0666);
    const Checked checked = check({"--check-config"}, file);
    CHECK(checked.status == 1);
    CHECK_THAT(checked.output.err, Catch::Contains("cannot trust \"" + folder + "\"") &&
                                       Catch::Contains("cannot trust \"" + drop_in + "\""));
}

TEST_CASE("a configuration that is not there is an error that names it, for the check as well") {
    frontend::Output output;
    const frontend::Host host{[](const std::string &) { return std::nullopt; }, "/nonexistent/udiRoot.conf", "/", 1, 1};
    CHECK_THROWS_WITH(frontend::check_config("", host, output),
                      "cannot open \"/nonexistent/udiRoot.conf\": No such file or directory");
}

TEST_CASE("root may check a configuration, too") {
    const ScratchDirectory scratch;
    const std::string file = scratch.write("udiRoot.conf", base);
    frontend::Output output;
    const frontend::Host host{[](const std::string &) { return std::nullopt; }, "/nonexistent", "/", 0, 0};
    CHECK(std::get<int>(frontend::run_frontend({"--check-config", file}, host, output)) == 0);
}
