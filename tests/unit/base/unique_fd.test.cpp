#include "base/unique_fd.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

using shifter::UniqueFd;

namespace {
int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
} // namespace

TEST_CASE("a descriptor is closed by its owner, and errno stays as it was") {
    const int raw = open_null();
    REQUIRE(raw >= 0);
    {
        const UniqueFd fd{raw};
        CHECK(fd);
        CHECK(fd.get() == raw);
        errno = EXDEV;
    }
    CHECK(errno == EXDEV);
    CHECK_FALSE(is_open(raw));
}

TEST_CASE("assigning over a held descriptor closes it, moving hands it on") {
    const int first = open_null();
    const int second = open_null();
    UniqueFd fd{first};
    UniqueFd other{second};
    fd = std::move(other);
    CHECK_FALSE(is_open(first));
    CHECK(fd.get() == second);
    UniqueFd & alias = fd;
    fd = std::move(alias);
    CHECK(is_open(second));
    CHECK(fd.release() == second);
    CHECK_FALSE(fd);
    CHECK(is_open(second));
    fd.reset(second);
    fd.reset();
    CHECK_FALSE(is_open(second));
    CHECK(fd.get() == -1);
}
