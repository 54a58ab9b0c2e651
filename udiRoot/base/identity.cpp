#include "base/identity.hpp"

#include <algorithm>

namespace shifter {

bool Identity::in_group(gid_t group) const noexcept {
    return group == gid || std::find(groups.begin(), groups.end(), group) != groups.end();
}

} // namespace shifter
