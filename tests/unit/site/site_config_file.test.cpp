// Most of this needs root, which alone can give files away; without it, the parts that are left are run.
#include "base/log.hpp"
#include "site/site_config.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>

#include <vector>

using shifter::load_site_config;
using shifter::load_site_config_as_user;
using shifter::test::failure_of;
using shifter::test::is_root;
using shifter::test::ScratchDirectory;

namespace {

const std::string base = "udiMount=/var/udiMount\nloopMount=/var/udiLoopMount\nimagePath=/images\nudiRootPath=/"
                         "usr\netcPath=/etc/shifter/files\n";

/** What the log is told meanwhile. */
class LogLines {
public:
    LogLines() {
        shifter::log::set_sink([this](shifter::log::Level, std::string_view message) { lines.emplace_back(message); });
    }
    LogLines(const LogLines &) = delete;
    LogLines & operator=(const LogLines &) = delete;
    ~LogLines() {
        shifter::log::set_sink([](shifter::log::Level, std::string_view) {});
    }
    std::vector<std::string> lines;
};

} // namespace

TEST_CASE("a configuration is read with its drop-ins, in the order of the bytes of their names") {
    const ScratchDirectory scratch;
    const LogLines log;
    const std::string file = scratch.write("udiRoot.conf", base + "system=main\n");
    scratch.make_directory("udiRoot.conf.d");
    scratch.write("udiRoot.conf.d/10-b.conf", "system=b\n");
    scratch.write("udiRoot.conf.d/9-c.conf", "system=c\n");
    scratch.write("udiRoot.conf.d/10-B.conf", "system=B\nlaunchTimeout=7\n");
    scratch.write("udiRoot.conf.d/zz.conf~", "system=old\n");
    scratch.write("udiRoot.conf.d/.zz.conf", "system=hidden\n");
    scratch.write("udiRoot.conf.d/zz.txt", "system=text\n");
    CHECK(load_site_config_as_user(file).system == "c");
    CHECK(load_site_config_as_user(file).launch_timeout == std::chrono::seconds{7});
    if (is_root()) {
        CHECK(load_site_config(file).system == "c");
        CHECK(log.lines.empty());
    }
}

TEST_CASE("one problem is the error, several are listed before it, one a line") {
    const ScratchDirectory scratch;
    LogLines log;
    const std::string file = scratch.write("udiRoot.conf", base + "launchTimeout=0\n");
    const auto error = failure_of([&] { (void)load_site_config_as_user(file); });
    CHECK(error == "cannot use the configuration: " + file + ":6: launchTimeout: \"0\" is not a number from 1 to 3600");
    log.lines.clear();
    scratch.write("udiRoot.conf", base + "launchTimeout=0\nsystm=1\nrootfsType=ext4\n");
    const auto errors = failure_of([&] { (void)load_site_config_as_user(file); });
    CHECK(errors == "cannot use the configuration " + file + ": it has 2 errors, which are listed above");
    if (!is_root()) log.lines.erase(log.lines.begin()); // that the file is not root's
    CHECK(log.lines == std::vector<std::string>{file + ":7: systm: unknown key, which is ignored; is system meant?",
                                                file + ":6: launchTimeout: \"0\" is not a number from 1 to 3600",
                                                file + ":8: rootfsType: \"ext4\" is none of: tmpfs, ramfs"});
}

TEST_CASE("a configuration that is not there is an error that names it") {
    const ScratchDirectory scratch;
    const std::string file = scratch.path("udiRoot.conf");
    CHECK(failure_of([&] { (void)load_site_config_as_user(file); }) ==
          "cannot open \"" + file + "\": No such file or directory");
    if (is_root())
        CHECK(failure_of([&] { (void)load_site_config(file); }) ==
              "cannot open \"" + file + "\": No such file or directory");
}

TEST_CASE("I37: privileged programs refuse a configuration that others could have written, clients warn (H3-1)") {
    if (!is_root()) return;
    const ScratchDirectory scratch;
    const LogLines log;
    const std::string file = scratch.write("udiRoot.conf", base);
    scratch.make_directory("udiRoot.conf.d");
    const std::string drop_in = scratch.write("udiRoot.conf.d/a.conf", "system=a\n");
    CHECK(load_site_config(file).system == "a");
    const std::string victim = GENERATE(as<std::string>{}, "udiRoot.conf", "udiRoot.conf.d", "udiRoot.conf.d/a.conf");
    const std::string path = scratch.path(victim);
    const mode_t before = std::filesystem::is_directory(path) ? 0755 : 0644;

    REQUIRE(::chmod(path.c_str(), before | 0020U) == 0);
    CHECK(failure_of([&] { (void)load_site_config(file); }).find("\"" + path + "\": its group can write it") !=
          std::string::npos);
    CHECK(log.lines.empty());
    CHECK(load_site_config_as_user(file).system == "a");
    CHECK(log.lines ==
          std::vector<std::string>{"the configuration \"" + path + "\" is not owned by root, or others can write it"});
    REQUIRE(::chmod(path.c_str(), before) == 0);
    scratch.give(victim, 64322);
    CHECK(failure_of([&] {
              (void)load_site_config(file);
          }).find("\"" + path + "\": it is owned by uid 64322, not by root") != std::string::npos);
}

TEST_CASE("I37: a configuration in a directory that others can write is refused (H3-2)") {
    if (!is_root()) return;
    const ScratchDirectory scratch;
    scratch.make_directory("etc", 0777);
    const std::string file = scratch.write("etc/udiRoot.conf", base);
    CHECK(failure_of([&] { (void)load_site_config(file); }) ==
          "cannot trust \"" + file + "\": on the way to it, \"" + scratch.path("etc") +
              "\": everybody can write it (mode 0777); chmod go-w " + scratch.path("etc"));
}
