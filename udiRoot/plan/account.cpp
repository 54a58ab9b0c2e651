#include "plan/account.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <set>

namespace shifter {
namespace {

bool breaks_line(std::string_view field) {
    return std::any_of(field.begin(), field.end(),
                       [](char c) { return c == ':' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

} // namespace

Expected<std::string> format_passwd_line(const PasswdEntry & entry) {
    if (entry.name.empty()) return ParseError{0, "the account has no name"};
    for (const std::string & field : {entry.name, entry.gecos, entry.home, entry.shell})
        if (breaks_line(field))
            return ParseError{0, "the account's field " + quoted(field) + " cannot stand in a passwd file"};
    return entry.name + ":x:" + std::to_string(entry.uid) + ":" + std::to_string(entry.gid) + ":" + entry.gecos + ":" +
           entry.home + ":" + entry.shell + "\n";
}

Expected<std::string> format_group_line(std::string_view name, gid_t gid, std::string_view member) {
    if (name.empty()) return ParseError{0, "the group has no name"};
    if (breaks_line(name) || breaks_line(member) || member.find(',') != std::string_view::npos)
        return ParseError{0, "the group's name " + quoted(name) + " cannot stand in a group file"};
    return std::string{name} + ":x:" + std::to_string(gid) + ":" + std::string{member} + "\n";
}

std::vector<PasswdEntry> parse_passwd(std::string_view text) {
    std::vector<PasswdEntry> entries;
    for (const std::string_view line : text::split(text, '\n')) {
        const auto fields = text::split(line, ':');
        if (fields.size() != 7 || fields[0].empty() || fields[0].front() == '#') continue;
        const auto uid = text::parse_unsigned<uid_t>(fields[2]);
        const auto gid = text::parse_unsigned<gid_t>(fields[3]);
        if (!uid || !gid) continue;
        entries.push_back({std::string{fields[0]}, *uid, *gid, std::string{fields[4]}, std::string{fields[5]},
                           std::string{fields[6]}});
    }
    return entries;
}

std::vector<GroupEntry> parse_group(std::string_view text) {
    std::vector<GroupEntry> entries;
    for (const std::string_view line : text::split(text, '\n')) {
        const auto fields = text::split(line, ':');
        if (fields.size() != 4 || fields[0].empty() || fields[0].front() == '#') continue;
        const auto gid = text::parse_unsigned<gid_t>(fields[2]);
        if (!gid) continue;
        GroupEntry entry{std::string{fields[0]}, *gid, {}};
        for (const std::string_view member : text::split(fields[3], ','))
            if (!member.empty()) entry.members.emplace_back(member);
        entries.push_back(std::move(entry));
    }
    return entries;
}

std::string format_group_file(const std::vector<GroupEntry> & groups, std::string_view user,
                              const std::vector<gid_t> & user_groups, unsigned max_memberships) {
    std::string text = "root:x:0:\n";
    std::set<std::pair<gid_t, std::string>> seen;
    unsigned memberships = 0;
    for (const GroupEntry & group : groups) {
        if (group.gid == 0 || !seen.emplace(group.gid, group.name).second) continue;
        const bool named = std::find(group.members.begin(), group.members.end(), user) != group.members.end();
        const bool held = std::find(user_groups.begin(), user_groups.end(), group.gid) != user_groups.end();
        const bool member =
            (named || held || group.name == user) && (max_memberships == 0 || memberships < max_memberships);
        const auto line = format_group_line(group.name, group.gid, member ? user : std::string_view{});
        if (!line) continue;
        if (member) ++memberships;
        text += *line;
    }
    return text;
}

} // namespace shifter
