#include "catalog/housekeeping.hpp"

#include "base/log.hpp"
#include "catalog/content_lock.hpp"

#include <algorithm>

namespace shifter::catalog {

std::vector<Image> Housekeeping::overdue(Time now) { return catalog_.expired(system_, now); }

std::vector<Image> Housekeeping::evictable(Time now) {
    if (rules_.high_water_bytes == 0) return {};
    const std::vector<Image> gone = overdue(now);
    std::uint64_t stored = catalog_.stored_bytes(system_);
    for (const Image & image : gone) stored -= std::min(stored, image.size_bytes);
    std::vector<Image> images;
    if (stored <= rules_.high_water_bytes) return images;
    for (Image & image : catalog_.expired(system_, now + rules_.expiration - rules_.grace)) {
        if (stored <= rules_.low_water_bytes) break;
        const bool is_overdue =
            std::any_of(gone.begin(), gone.end(), [&](const Image & each) { return each.id == image.id; });
        if (is_overdue) continue;
        stored -= std::min(stored, image.size_bytes);
        images.push_back(std::move(image));
    }
    return images;
}

std::vector<Image> Housekeeping::expire(Time now) {
    std::vector<Image> taken;
    const std::vector<Image> too_much = evictable(now);
    for (Image & image : overdue(now)) {
        if (!stop_.stop_requested() && take(image, now, now)) taken.push_back(std::move(image));
    }
    for (const Image & image : too_much) {
        if (!stop_.stop_requested() && take(image, now + rules_.expiration - rules_.grace, now)) taken.push_back(image);
    }
    (void)sweep(now);
    return taken;
}

bool Housekeeping::take(const Image & image, Time before, Time now) {
    const ContentLock lock{storage_, image.id, stop_};
    if (!catalog_.retire(system_, image.id, before, now)) return false;
    log::info("event=retired system=" + system_ + " id=" + image.id.to_string() +
              " bytes=" + std::to_string(image.size_bytes));
    return true;
}

bool Housekeeping::retire(const ImageId & id, Time now) {
    {
        const ContentLock lock{storage_, id, stop_};
        if (!catalog_.retire(system_, id, std::nullopt, now)) return false;
    }
    log::info("event=retired system=" + system_ + " id=" + id.to_string());
    if (rules_.grace.count() == 0) (void)sweep(now);
    return true;
}

unsigned Housekeeping::sweep(Time now) {
    unsigned removed = 0;
    for (const RetiredImage & image : catalog_.retired(system_, now - rules_.grace)) {
        if (stop_.stop_requested()) break;
        const ContentLock lock{storage_, image.id, stop_};
        if (!catalog_.is_retired(system_, image.id)) continue; // published anew, or removed by another gateway
        Publisher{storage_}.remove(image.id);
        catalog_.forget_retired(system_, image.id);
        log::info("event=removed system=" + system_ + " id=" + image.id.to_string());
        ++removed;
    }
    return removed;
}

} // namespace shifter::catalog
