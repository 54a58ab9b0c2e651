#include "site/acl.hpp"

#include <catch2/catch.hpp>

using shifter::Acl;
using shifter::Identity;

TEST_CASE("an image is read by the uid, the gid or a supplementary gid that its lists name (2.7)") {
    const Identity caller{1000, 100, {100, 2000}};
    auto [users, groups, allowed] = GENERATE(table<std::vector<uid_t>, std::vector<gid_t>, bool>({
        {{}, {}, true},
        {{1000}, {}, true},
        {{5, 1000}, {7}, true},
        {{1001}, {}, false},
        {{}, {100}, true},
        {{}, {2000}, true},
        {{}, {2001}, false},
        {{2000}, {1000}, false}, // a uid is not a gid
        {{0}, {0}, false},
    }));
    CHECK(Acl{users, groups}.may_read(caller) == allowed);
    CHECK(Acl{users, groups}.is_public() == (users.empty() && groups.empty()));
}

TEST_CASE("I34: a list of ids is understood whole, or refused (H2-8)") {
    auto [text, ids] = GENERATE(table<std::string, std::vector<id_t>>({
        {"0", {0}},
        {"1000,1001", {1000, 1001}},
        {" 1000 ,\t1001", {1000, 1001}},
        {"4294967294", {4294967294U}},
    }));
    CHECK(shifter::parse_id_list(text) == ids);
    CHECK(shifter::parse_id_list(shifter::format_id_list(ids)) == ids);
    const std::string bad = GENERATE(as<std::string>{}, "", ",", "1,", ",1", "1,,2", "-1", "+1", "1 2", "0x10", "root",
                                     "4294967295", "4294967296", "99999999999999999999", "1;2", "1.0");
    INFO(bad);
    CHECK_FALSE(shifter::parse_id_list(bad));
}

TEST_CASE("a list of more than a thousand ids is a list (H2-8)") {
    std::vector<id_t> ids(100000);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<id_t>(i);
    CHECK(shifter::parse_id_list(shifter::format_id_list(ids)) == ids);
}
