#include "plan/account.hpp"

#include <catch2/catch.hpp>

using namespace shifter;

TEST_CASE("a passwd line has x for the password and the other fields unaltered") {
    const auto line = format_passwd_line({"ann", 1000, 100, "Ann, Room 5", "/home/ann", "/bin/bash"});
    REQUIRE(line);
    CHECK(*line == "ann:x:1000:100:Ann, Room 5:/home/ann:/bin/bash\n");
}

TEST_CASE("I19: a field that would break a line of passwd is refused") {
    const std::string bad = GENERATE(as<std::string>{}, "a:b", "a\nroot:x:0:0", "a\rb", std::string(1, '\0'));
    CHECK_FALSE(format_passwd_line({"ann", 1, 1, bad, "/", "/bin/sh"}));
    CHECK_FALSE(format_passwd_line({bad, 1, 1, "", "/", "/bin/sh"}));
    CHECK_FALSE(format_group_line(bad, 5, ""));
    CHECK_FALSE(format_group_line("staff", 5, bad));
}

TEST_CASE("whole lines of passwd are read, others are skipped") {
    const auto entries =
        parse_passwd("root:x:0:0:root:/root:/bin/sh\n# "
                     "c\nann:x:1000:100::/home/ann:\nshort:x:1\nbad:x:-1:0:::\nbig:x:99999999999:0:::\n");
    REQUIRE(entries.size() == 2);
    CHECK(entries[1].name == "ann");
    CHECK(entries[1].uid == 1000);
}

TEST_CASE("the group file keeps root, drops other groups of gid 0, and names only the user (5.6, step 7)") {
    const std::vector<GroupEntry> groups = {{"wheel", 0, {"eve"}}, {"proj", 20, {"eve", "ann"}},
                                            {"ann", 30, {}},       {"other", 40, {"eve"}},
                                            {"job", 50, {}},       {"proj", 20, {}}};
    CHECK(format_group_file(groups, "ann", {50}, 0) ==
          "root:x:0:\nproj:x:20:ann\nann:x:30:ann\nother:x:40:\njob:x:50:ann\n");
}

TEST_CASE("maxGroupCount limits how often the user is named, and 0 means no limit (H5-9)") {
    const std::vector<GroupEntry> groups = {{"a", 1, {"u"}}, {"b", 2, {"u"}}, {"c", 3, {"u"}}};
    CHECK(format_group_file(groups, "u", {}, 2) == "root:x:0:\na:x:1:u\nb:x:2:u\nc:x:3:\n");
    CHECK(format_group_file(groups, "u", {}, 0) == "root:x:0:\na:x:1:u\nb:x:2:u\nc:x:3:u\n");
}
