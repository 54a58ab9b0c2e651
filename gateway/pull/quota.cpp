#include "pull/quota.hpp"

#include <array>
#include <cstdio>

namespace shifter::pull {

namespace {

std::string in_units(std::uint64_t bytes) {
    constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto size = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", size, units.at(unit));
    return text.data();
}

void check(const std::string & whose, const catalog::Usage & usage, std::uint64_t most_images, std::uint64_t most_bytes,
           std::uint64_t bytes) {
    const std::string advice = "; remove what is no longer needed (shifterimg images --mine, shifterimg rm)";
    if (most_images != 0 && usage.images + 1 > most_images)
        throw OverQuota{whose + " already " + std::to_string(usage.images) + " images of the " +
                        std::to_string(most_images) + " that this site allows" + advice};
    if (most_bytes != 0 && usage.bytes + bytes > most_bytes)
        throw OverQuota{whose + " " + in_units(usage.bytes) + " of images, this one would add " + in_units(bytes) +
                        ", and this site allows " + in_units(most_bytes) + advice};
}

} // namespace

void refuse_over_quota(const Quotas & quotas, catalog::Catalog & catalog, const std::string & system, Payer payer,
                       const ImageId & id, std::uint64_t bytes) {
    if (quotas.user_images != 0 || quotas.user_bytes != 0) {
        if (!catalog.claimed_tags(system, id, payer.uid).empty()) return;
        check("you have", catalog.usage_of_user(system, payer.uid), quotas.user_images, quotas.user_bytes, bytes);
    }
    const bool has_group_quota = quotas.group_images != 0 || quotas.group_bytes != 0;
    if (has_group_quota && payer.gid != static_cast<gid_t>(-1)) {
        if (!catalog.claimed_tags(system, id, payer.uid).empty()) return;
        check("your group has", catalog.usage_of_group(system, payer.gid), quotas.group_images, quotas.group_bytes,
              bytes);
    }
}

} // namespace shifter::pull
