#include "pull/job_lines.hpp"

#include <algorithm>

namespace shifter::pull {

namespace {

using namespace std::chrono_literals;

constexpr unsigned most_for_one_registry = 4; // R6: a dead registry keeps nobody else waiting
constexpr std::size_t most_waiting = 32;
constexpr auto delay_of_busy_content = 500ms;

template <class Is> void remove_if(std::vector<Job> & jobs, Is is_it) {
    jobs.erase(std::remove_if(jobs.begin(), jobs.end(), is_it), jobs.end());
}

} // namespace

bool JobLines::are_full() const {
    const std::lock_guard lock{mutex_};
    return to_resolve_.size() + to_convert_.size() >= most_waiting;
}

void JobLines::begin(const Job & job) {
    const std::lock_guard lock{mutex_};
    active_.push_back(job);
    to_resolve_.push_back(job);
    changed_.notify_all();
}

std::vector<Job> JobLines::active() const {
    const std::lock_guard lock{mutex_};
    return active_;
}

void JobLines::retire(catalog::Hold hold) {
    const std::lock_guard lock{mutex_};
    // Its number may be on its way again here, with a later turn.
    remove_if(active_,
              [&](const Job & each) { return each->pull().number == hold.pull && each->pull().turn == hold.turn; });
}

void JobLines::retire(std::int64_t number) {
    const std::lock_guard lock{mutex_};
    remove_if(active_, [&](const Job & each) { return each->pull().number == number; });
}

/** The first job of `line` that may go now; none when the service stops. */
template <class MayGo> Job JobLines::next(std::unique_lock<std::mutex> & lock, std::deque<Job> & line, MayGo may_go) {
    auto found = line.end();
    changed_.wait(lock, stop_, [&] { return (found = std::find_if(line.begin(), line.end(), may_go)) != line.end(); });
    if (stop_.stop_requested()) return nullptr;
    Job job = std::move(*found);
    line.erase(found);
    return job;
}

Job JobLines::next_to_resolve() {
    std::unique_lock lock{mutex_};
    Job job = next(lock, to_resolve_,
                   [&](const Job & each) { return busy_registries_.count(each->place()) < most_for_one_registry; });
    if (job) busy_registries_.insert(job->place());
    return job;
}

void JobLines::resolved(const Job & job, bool goes_on) {
    const std::lock_guard lock{mutex_};
    busy_registries_.erase(busy_registries_.find(job->place()));
    if (goes_on) to_convert_.push_back(job);
    changed_.notify_all();
}

Job JobLines::next_to_convert(std::uint64_t most_bytes) {
    std::unique_lock lock{mutex_};
    Job job = next(lock, to_convert_, [&](const Job & each) {
        if (each->layer_bytes() > most_bytes) return false;
        const auto wait = not_before_.find(each->pull().number);
        return busy_contents_.count(content_of(*each)) == 0 &&
               (wait == not_before_.end() || wait->second <= SteadyClock::now());
    });
    if (!job) return job;
    busy_contents_.insert(content_of(*job));
    not_before_.erase(job->pull().number);
    return job;
}

void JobLines::converted(const Job & job, bool is_busy) {
    const std::lock_guard lock{mutex_};
    busy_contents_.erase(content_of(*job));
    if (is_busy) { // what the other gateway publishes will do
        not_before_[job->pull().number] = SteadyClock::now() + delay_of_busy_content;
        to_convert_.push_back(job);
    }
    changed_.notify_all();
}

void JobLines::wait(std::chrono::milliseconds most) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, stop_, most, [&] { return must_wake_; });
    must_wake_ = false;
    if (!not_before_.empty()) changed_.notify_all(); // whose time may have come
}

void JobLines::wake() {
    const std::lock_guard lock{mutex_};
    must_wake_ = true;
    changed_.notify_all();
}

} // namespace shifter::pull
