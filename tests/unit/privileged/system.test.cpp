#include "privileged/system.hpp"

#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

using namespace shifter;
using namespace shifter::privileged;

namespace {

UniqueFd open_directory(const std::string & path) {
    return UniqueFd{::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
}

} // namespace

TEST_CASE("I11: a lookup beneath a root never leaves it, whatever the links say") {
    const test::ScratchDirectory directory;
    const std::string top = directory.path();
    REQUIRE(::mkdir((top + "/root").c_str(), 0755) == 0);
    REQUIRE(::mkdir((top + "/root/etc").c_str(), 0755) == 0);
    std::ofstream{top + "/outside"} << "secret";
    std::ofstream{top + "/root/etc/inside"} << "fine";
    REQUIRE(::symlink("/etc", (top + "/root/absolute").c_str()) == 0);
    REQUIRE(::symlink("../../../outside", (top + "/root/up").c_str()) == 0);
    REQUIRE(::symlink("loop", (top + "/root/loop").c_str()) == 0);
    const UniqueFd root = open_directory(top + "/root");

    CHECK(try_open_in_root(root.get(), "/absolute/inside", O_PATH));
    CHECK_FALSE(try_open_in_root(root.get(), "/up", O_PATH));
    CHECK_FALSE(try_open_in_root(root.get(), "/../outside", O_PATH));
    CHECK_FALSE(try_open_in_root(root.get(), "/loop", O_PATH));
    CHECK(errno == ELOOP);
}

TEST_CASE("I11: the magic links of /proc are refused") {
    const UniqueFd proc = open_directory("/proc");
    CHECK_FALSE(try_open_in_root(proc.get(), "/self/root", O_PATH));
    CHECK_FALSE(try_open_in_root(proc.get(), "/self/cwd/x", O_PATH));
}

TEST_CASE("I20: a directory with more entries than expected is refused") {
    const test::ScratchDirectory directory;
    for (int i = 0; i < 11; ++i) std::ofstream{directory.path() + "/f" + std::to_string(i)};
    const UniqueFd fd = open_directory(directory.path());
    CHECK(names_in(fd.get(), 11, "cannot read it").size() == 11);
    CHECK_THROWS_WITH(names_in(fd.get(), 10, "cannot read it"), "cannot read it: it has more than 10 entries");
}
