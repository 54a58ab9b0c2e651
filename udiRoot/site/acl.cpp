#include "site/acl.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace shifter {

bool Acl::may_read(const Identity & caller) const noexcept {
    if (is_public()) return true;
    if (std::find(users.begin(), users.end(), caller.uid) != users.end()) return true;
    return std::any_of(groups.begin(), groups.end(), [&](gid_t group) { return caller.in_group(group); });
}

Expected<std::vector<id_t>> parse_id_list(std::string_view text) {
    std::vector<id_t> ids;
    std::size_t offset = 0;
    for (const std::string_view piece : text::split(text, ',')) {
        const auto id = text::parse_unsigned<id_t>(text::trim(piece));
        // The last number means "nobody in particular" to the kernel (setresuid(2)), so it can name nobody here.
        if (!id || *id == static_cast<id_t>(-1))
            return ParseError{offset, quoted(piece) + " is not a numeric id; write numbers with commas between them"};
        ids.push_back(*id);
        offset += piece.size() + 1;
    }
    return ids;
}

std::string format_id_list(const std::vector<id_t> & ids) {
    std::string text;
    for (const id_t id : ids) text += (text.empty() ? "" : ",") + std::to_string(id);
    return text;
}

} // namespace shifter
