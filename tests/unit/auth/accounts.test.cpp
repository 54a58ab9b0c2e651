#include "auth/accounts.hpp"

#include <catch2/catch.hpp>

using namespace shifter::auth;

TEST_CASE("an account has its name and its groups, sorted and once each") {
    const auto root = find_account(uid_t{0});
    REQUIRE(root);
    CHECK(root->name == "root");
    CHECK(root->identity.uid == 0);
    CHECK(root->identity.in_group(0));
    CHECK(std::is_sorted(root->identity.groups.begin(), root->identity.groups.end()));
    CHECK(find_account("root")->identity == root->identity);
    CHECK(find_group("root") == gid_t{0});
}

TEST_CASE("an unknown account is absent, not an error") {
    CHECK_FALSE(find_account(uid_t{3999999999U}));
    CHECK_FALSE(find_account("no-such-account-here"));
    CHECK_FALSE(find_group("no-such-group-here"));
}
