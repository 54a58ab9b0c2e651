/**
 * @file
 * Names for the caller's numbers: the lines of the container's passwd and group files. Contract 5.6; I19.
 */
#pragma once

#include "base/expected.hpp"

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace shifter {

struct PasswdEntry {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::string gecos;
    std::string home;
    std::string shell;
};

struct GroupEntry {
    std::string name;
    gid_t gid = 0;
    std::vector<std::string> members;
};

/** What a launch says about accounts: the caller's name, and the whole text of two files. */
struct Account {
    std::string name;
    std::string passwd; ///< for populateEtcDynamically=1
    std::string group;
};

/** "name:x:uid:gid:gecos:home:shell\n". Refused: fields with ':' or a control character, which would break the line. */
[[nodiscard]] Expected<std::string> format_passwd_line(const PasswdEntry & entry);
/** "name:x:gid:[members]\n", under the same rule. */
[[nodiscard]] Expected<std::string> format_group_line(std::string_view name, gid_t gid, std::string_view member);

/** The whole lines of passwd(5) and group(5) texts; others are skipped. */
[[nodiscard]] std::vector<PasswdEntry> parse_passwd(std::string_view text);
[[nodiscard]] std::vector<GroupEntry> parse_group(std::string_view text);

/**
 * A group file (5.6, step 7): root first (H5-12), then each group with another gid once. `user` is the member of at
 * most `max_memberships` groups (0: no limit, H5-9) among those that `user` is in: by the entry's own list, by a name
 * equal to the user's, or because the kernel says so (`user_groups`). No other member is named. Entries that would
 * break a line are left out.
 */
[[nodiscard]] std::string format_group_file(const std::vector<GroupEntry> & groups, std::string_view user,
                                            const std::vector<gid_t> & user_groups, unsigned max_memberships);

} // namespace shifter
