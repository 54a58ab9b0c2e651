#include "pull/askers.hpp"

#include <algorithm>

namespace shifter::pull {

void Askers::join(std::int64_t pull, Asker asker) {
    const std::lock_guard lock{mutex_};
    auto & askers = askers_[pull];
    const bool is_known = std::any_of(askers.begin(), askers.end(), [&](const Asker & each) {
        return each.request.requester == asker.request.requester;
    });
    if (!is_known) askers.push_back(std::move(asker));
}

std::optional<Asker> Askers::find(std::int64_t pull, uid_t requester) const {
    const std::lock_guard lock{mutex_};
    const auto askers = askers_.find(pull);
    if (askers == askers_.end()) return std::nullopt;
    for (const Asker & asker : askers->second) {
        if (asker.request.requester == requester) return asker;
    }
    return std::nullopt;
}

std::vector<Asker> Askers::others_with_login(std::int64_t pull, uid_t requester) const {
    const std::lock_guard lock{mutex_};
    std::vector<Asker> others;
    const auto askers = askers_.find(pull);
    if (askers == askers_.end()) return others;
    for (const Asker & asker : askers->second) {
        if (asker.request.requester != requester && asker.credentials) others.push_back(asker);
    }
    return others;
}

std::vector<std::int64_t> Askers::pulls() const {
    const std::lock_guard lock{mutex_};
    std::vector<std::int64_t> numbers;
    for (const auto & asked : askers_) numbers.push_back(asked.first);
    return numbers;
}

std::size_t Askers::size() const {
    const std::lock_guard lock{mutex_};
    return askers_.size();
}

void Askers::forget(std::int64_t pull) {
    const std::lock_guard lock{mutex_};
    askers_.erase(pull);
}

} // namespace shifter::pull
