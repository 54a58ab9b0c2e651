/**
 * @file
 * The pulls that this process works on: two lines, one before the resolvers and one before the converters, and the
 * rules of which pull may go next. Thread-safe.
 */
#pragma once

#include "pull/pull_job.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace shifter::pull {

using Job = std::shared_ptr<PullJob>;

class JobLines {
public:
    /** @param stop  ends every wait */
    explicit JobLines(std::stop_token stop) : stop_{std::move(stop)} {}

    /** Whether as many wait as may be held in memory. */
    [[nodiscard]] bool are_full() const;
    void begin(const Job & job);
    /** All that were begun and have not ended. */
    [[nodiscard]] std::vector<Job> active() const;
    /** It is not active any more. */
    void retire(catalog::Hold hold);
    /** The same, whatever its turn. */
    void retire(std::int64_t number);

    /** Waits for a pull to be resolved: few of one registry, so that a dead one keeps nobody else waiting (R6). Null
     * when the service stops. */
    [[nodiscard]] Job next_to_resolve();
    /** @param goes_on  it waits for a converter now */
    void resolved(const Job & job, bool goes_on);

    /** Waits for a pull of at most so many compressed bytes whose content nobody here is at. Null when the service
     * stops.
     */
    [[nodiscard]] Job next_to_convert(std::uint64_t most_bytes);
    /** @param is_busy  another gateway is at its content: it is looked at again a moment later */
    void converted(const Job & job, bool is_busy);

    /** For the dispatcher: waits until somebody calls wake(), at most for `most`. */
    void wait(std::chrono::milliseconds most);
    void wake();

private:
    using SteadyClock = std::chrono::steady_clock;
    using Content = std::pair<std::string, ImageId>; // system and id

    static Content content_of(const PullJob & job) { return {job.pull().key.system, job.id()}; }
    template <class MayGo> Job next(std::unique_lock<std::mutex> & lock, std::deque<Job> & line, MayGo may_go);

    const std::stop_token stop_;
    mutable std::mutex mutex_; ///< all below
    std::condition_variable_any changed_;
    bool must_wake_ = false;
    std::vector<Job> active_;
    std::deque<Job> to_resolve_;
    std::deque<Job> to_convert_;
    std::map<std::int64_t, SteadyClock::time_point> not_before_; ///< of those in to_convert_ whose content is busy
    std::multiset<std::string> busy_registries_;
    std::set<Content> busy_contents_;
};

} // namespace shifter::pull
