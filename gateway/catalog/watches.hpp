/**
 * @file
 * Heartbeats, judged by the steady clock of this process: no other clock has a say, and none that jumps (R10).
 */
#pragma once

#include "catalog/decision.hpp"
#include "catalog/pull_table.hpp"

#include <map>
#include <mutex>
#include <tuple>

namespace shifter::catalog {

using SteadyClock = std::chrono::steady_clock;

/** Believes that a heartbeat is too old only after the steady clock agreed for a while (R10). */
class StaleWatch {
public:
    bool is_stale(const Pull & pull, const PullPolicy & policy, Time now) {
        if (age(pull.heartbeat, now) < policy.heartbeat_timeout) {
            seen_.erase(pull.number);
            return false;
        }
        const auto [found, is_first] = seen_.try_emplace(pull.number, Seen{pull.heartbeat, SteadyClock::now()});
        if (!is_first && found->second.heartbeat != pull.heartbeat)
            found->second = {pull.heartbeat, SteadyClock::now()};
        return SteadyClock::now() - found->second.since >= policy.stale_confirmation;
    }
    void forget(std::int64_t pull) { seen_.erase(pull); }

private:
    struct Seen {
        Time heartbeat;
        SteadyClock::time_point since;
    };
    std::map<std::int64_t, Seen> seen_;
};

/** Which of the heartbeats that it is shown have not moved for `lease`, by the steady clock. */
class LostWatch {
public:
    std::vector<pull_table::Beat> lost_of(const std::vector<pull_table::Beat> & beats, std::chrono::seconds lease) {
        const std::lock_guard lock{mutex_};
        std::map<Key, SteadyClock::time_point> seen;
        std::vector<pull_table::Beat> lost;
        for (const pull_table::Beat & beat : beats) {
            const Key key{beat.hold.pull, beat.hold.turn, beat.heartbeat};
            const auto before = seen_.find(key);
            const auto since = before == seen_.end() ? SteadyClock::now() : before->second;
            seen.emplace(key, since);
            if (SteadyClock::now() - since >= lease) lost.push_back(beat);
        }
        seen_ = std::move(seen);
        return lost;
    }

private:
    using Key = std::tuple<std::int64_t, std::int64_t, Time>;
    std::mutex mutex_;
    std::map<Key, SteadyClock::time_point> seen_;
};

} // namespace shifter::catalog
