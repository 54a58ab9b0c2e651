/**
 * @file
 * Who may use an image. Contract 2.7 and 7.6; I33, I34.
 */
#pragma once

#include "base/expected.hpp"
#include "base/identity.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shifter {

/** Both lists empty: everybody may. There is no way to make an Acl from text that was only partly understood. */
struct Acl {
    std::vector<uid_t> users;
    std::vector<gid_t> groups;

    [[nodiscard]] bool is_public() const noexcept { return users.empty() && groups.empty(); }
    /** By uid, primary gid or any supplementary gid. */
    [[nodiscard]] bool may_read(const Identity & caller) const noexcept;
    bool operator==(const Acl &) const = default;
};

/** uids or gids with commas between them, blanks around each allowed: all of it, or nothing (H2-8). Any length. */
[[nodiscard]] Expected<std::vector<id_t>> parse_id_list(std::string_view text);
/** "1000,1001", which parses back. */
[[nodiscard]] std::string format_id_list(const std::vector<id_t> & ids);

} // namespace shifter
