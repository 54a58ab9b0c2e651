#include "privileged/child.hpp"

#include "base/error.hpp"
#include "privileged/privileges.hpp"

#include <algorithm>

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace shifter;
using namespace shifter::privileged;

// Without root a child cannot set groups, so it refuses; with root these tests are what the integration tests need
// first.
TEST_CASE("I7: a child that cannot give up root runs nothing, and says so") {
    if (::geteuid() == 0) return;
    Child child = Child::start(identity_of_caller(), [](int channel) { send_answer(channel, {"ran"}); });
    CHECK_THROWS_AS(child.receive(100), Error);
}

TEST_CASE("a caller who is root is refused in words") {
    CHECK_THROWS_WITH(refuse_root_caller({0, 5, {}}), "it is not for root: run it as an ordinary user");
    CHECK_THROWS_WITH(refuse_root_caller({5, 0, {}}), Catch::StartsWith("your primary group is 0"));
    CHECK_NOTHROW(refuse_root_caller({5, 5, {}}));
}

TEST_CASE("H6-3: the caller's groups are the process's own, without group 0") {
    const Identity caller = identity_of_caller();
    CHECK(caller.uid == ::getuid());
    CHECK(std::find(caller.groups.begin(), caller.groups.end(), gid_t{0}) == caller.groups.end());
}
