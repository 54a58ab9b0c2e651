#include "catalog/lookup_notes.hpp"

#include "base/log.hpp"

#include <iterator>

namespace shifter::catalog {

LookupNotes::LookupNotes(Write write, std::chrono::milliseconds interval)
    : write_{std::move(write)}, interval_{interval} {}

LookupNotes::~LookupNotes() {
    thread_ = {};
    try {
        flush();
    } catch (const std::exception & error) {
        log::warning(std::string{"event=trouble notes of lookups are lost: "} + error.what());
    }
}

void LookupNotes::add(MetricsRow lookup) {
    const std::lock_guard lock{mutex_};
    if (waiting_.size() >= most_waiting) waiting_.erase(waiting_.begin(), waiting_.begin() + most_waiting / 2);
    waiting_.push_back(std::move(lookup));
    if (!thread_.joinable()) thread_ = std::jthread{[this](const std::stop_token & stop) { run(stop); }};
    if (waiting_.size() == 1) added_.notify_one();
}

void LookupNotes::flush() {
    const std::lock_guard turn{writing_};
    std::vector<MetricsRow> taken;
    {
        const std::lock_guard lock{mutex_};
        taken.swap(waiting_);
    }
    if (taken.empty()) return;
    try {
        write_(taken);
    } catch (...) {
        const std::lock_guard lock{mutex_};
        waiting_.insert(waiting_.begin(), std::make_move_iterator(taken.begin()), std::make_move_iterator(taken.end()));
        throw;
    }
}

void LookupNotes::run(const std::stop_token & stop) {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::minutes between_complaints{1};
    auto last_complaint = Clock::now() - between_complaints;
    std::unique_lock lock{mutex_};
    while (added_.wait(lock, stop, [&] { return !waiting_.empty(); })) {
        (void)added_.wait_for(lock, stop, interval_, [] { return false; }); // for more
        if (stop.stop_requested()) return;
        lock.unlock();
        try {
            flush();
        } catch (const std::exception & error) {
            if (Clock::now() - last_complaint >= between_complaints) {
                last_complaint = Clock::now();
                log::error(std::string{"event=trouble cannot note lookups: "} + error.what());
            }
        }
        lock.lock();
    }
}

} // namespace shifter::catalog
