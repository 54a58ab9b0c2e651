/**
 * @file
 * Notes of lookups, written together a few times a second: a transaction for each would make a job start wait for the
 * disk thousands of times. What a crash takes away is the last moment's.
 */
#pragma once

#include "catalog/catalog.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace shifter::catalog {

/** From any thread. Has a thread of its own from the first note on. */
class LookupNotes {
public:
    using Write = std::function<void(std::span<const MetricsRow>)>;

    static constexpr std::size_t most_waiting = 10'000;

    /** @param write  all in one transaction, or none; what throws is tried again
     *  @param interval  between two writes */
    explicit LookupNotes(Write write, std::chrono::milliseconds interval = std::chrono::milliseconds{250});
    /** Writes what is left; when that fails, it is lost. */
    ~LookupNotes();
    LookupNotes(const LookupNotes &) = delete;
    LookupNotes & operator=(const LookupNotes &) = delete;

    /** Waits for nothing. While nothing can be written, the oldest go when there are too many. */
    void add(MetricsRow lookup);
    /** All that was added before is written. @throws what `write` throws */
    void flush();

private:
    void run(const std::stop_token & stop);

    const Write write_;
    const std::chrono::milliseconds interval_;
    std::mutex writing_; ///< before mutex_
    std::mutex mutex_;
    std::condition_variable_any added_;
    std::vector<MetricsRow> waiting_; ///< guarded by mutex_
    std::jthread thread_;             ///< begun under mutex_
};

} // namespace shifter::catalog
