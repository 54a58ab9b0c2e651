#include "base/identity.hpp"

#include <catch2/catch.hpp>

TEST_CASE("a caller is in the primary group and in each supplementary one, and in no other") {
    const shifter::Identity caller{1000, 100, {200, 300}};
    CHECK(caller.in_group(100));
    CHECK(caller.in_group(200));
    CHECK(caller.in_group(300));
    CHECK_FALSE(caller.in_group(1000));
    CHECK_FALSE(caller.in_group(0));
}
