/**
 * @file
 * Who a process acts for, as the kernel or MUNGE states it.
 */
#pragma once

#include <sys/types.h>
#include <vector>

namespace shifter {

/** Numeric identity. `groups` are the supplementary groups, sorted, without duplicates; it need not hold `gid`. */
struct Identity {
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);
    std::vector<gid_t> groups;

    [[nodiscard]] bool in_group(gid_t group) const noexcept;
    bool operator==(const Identity &) const = default;
};

} // namespace shifter
