#include "pull/endings.hpp"

#include "base/log.hpp"
#include "catalog/counters.hpp"
#include "catalog/log_field.hpp"
#include "pull/clock.hpp"

#include <array>

namespace shifter::pull {

void Endings::add(Ending ending) {
    static constexpr std::array<const char *, 3> events = {"failed", "put-back", "lost"};
    if (ending.end == End::failure) ++catalog::counters().pulls_failed;
    log::info(std::string{"event="} + events.at(static_cast<std::size_t>(ending.end)) +
              " pull=" + std::to_string(ending.hold.pull) + log::field("reason", ending.failure.sentence));
    if (ending.end == End::lost) return;
    const std::lock_guard lock{mutex_};
    endings_[{ending.hold.pull, ending.hold.turn}] = std::move(ending);
}

void Endings::record(catalog::Catalog & catalog, const std::function<void(std::int64_t)> & on_failure) {
    std::map<Turn, Ending> endings;
    {
        const std::lock_guard lock{mutex_};
        endings = endings_;
    }
    for (const auto & [turn, ending] : endings) {
        const std::int64_t number = turn.first;
        try {
            if (ending.end == End::failure)
                catalog.fail(ending.hold, ending.failure.sentence, ending.failure.retryable, now());
            if (ending.end == End::put_back) catalog.put_back(ending.hold, now());
        } catch (const catalog::HoldLost & lost) {
            log::info("event=lost pull=" + std::to_string(number) + log::field("reason", lost.what()));
        }
        if (ending.end == End::failure) on_failure(number);
        const std::lock_guard lock{mutex_};
        endings_.erase(turn);
    }
}

} // namespace shifter::pull
