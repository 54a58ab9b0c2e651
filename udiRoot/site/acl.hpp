/**
 * @file
 * Who may use an image. Contract 2.7 and 7.6; I33, I34.
 */
#pragma once

#include "base/identity.hpp"

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

} // namespace shifter
