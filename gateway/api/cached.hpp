/**
 * @file
 * An answer that anybody may ask for, at any rate: made once, and given to all who ask in the next moment.
 */
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>

namespace shifter::api {

/** Text that is costly to make. Whoever asks while it is made waits for it; who asks soon after gets the same. */
class CachedText {
public:
    using Clock = std::chrono::steady_clock;

    /**
     * The text, not older than `most_age`, or than twenty times what it took to make: so clients without a credential
     * never have more than a twentieth of a core for it.
     */
    template <class Make> [[nodiscard]] std::string get(std::chrono::milliseconds most_age, Make make) {
        const std::lock_guard lock{mutex_};
        const auto begin = Clock::now();
        if (begin < good_until_) return text_;
        text_ = make();
        const auto end = Clock::now();
        const auto least_age = most_age.count() == 0 ? Clock::duration::zero() : 20 * (end - begin);
        good_until_ = end + std::max<Clock::duration>(most_age, least_age);
        return text_;
    }

private:
    std::mutex mutex_;
    std::string text_;
    Clock::time_point good_until_ = Clock::time_point::min();
};

} // namespace shifter::api
