#include "pull/caretaker.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "catalog/counters.hpp"
#include "catalog/publisher.hpp"
#include "pull/clock.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace shifter::pull {

namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds sweep_interval = 60s;

/** The whole round again is the cure for whatever failed; the admin is told once a round. */
template <class Action> void guarded(const std::string & system, Action action) {
    try {
        action();
    } catch (const std::exception & error) {
        log::error("event=trouble system=" + system + " cannot remove images: " + log::one_line(error.what()));
    }
}

} // namespace

Caretaker::Caretaker(const GatewaySettings & settings, catalog::Catalog & catalog)
    : settings_{settings}, catalog_{catalog}, thread_{[this](const std::stop_token & stop) { run(stop); }} {}

void Caretaker::run(const std::stop_token & stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    const bool expires = settings_.autoexpire_interval.count() != 0;
    const auto pause =
        std::min<std::chrono::seconds>(sweep_interval, expires ? settings_.autoexpire_interval : sweep_interval);
    auto last_expiry = SteadyClock::now();
    std::uint64_t unremoved_before = 0;
    while (true) {
        std::unique_lock lock{mutex};
        (void)wake.wait_for(lock, stop, pause, [] { return false; });
        if (stop.stop_requested()) return;
        const bool is_time = expires && SteadyClock::now() - last_expiry >= settings_.autoexpire_interval;
        if (is_time) last_expiry = SteadyClock::now();
        const std::uint64_t unremoved = catalog::counters().unremoved_files;
        for (const auto & system : settings_.systems) { // no structured binding: clang 14 does not capture one
            guarded(system.first, [&] {
                // What a failing disk would not let go is a matter of minutes, not of the next start (R3).
                if (unremoved != unremoved_before) (void)catalog::Publisher{system.second.storage}.clean();
                catalog::Housekeeping housekeeping{catalog_, system.first, system.second.storage,
                                                   housekeeping_rules(settings_, system.second), stop};
                // Of several gateways one does it; three quarters, so that its next time does not come a moment early.
                if (is_time &&
                    catalog_.take_turn("expiry of " + system.first, settings_.autoexpire_interval * 3 / 4, now()))
                    (void)housekeeping.expire(now());
                else
                    (void)housekeeping.sweep(now());
            });
        }
        unremoved_before = unremoved;
    }
}

} // namespace shifter::pull
