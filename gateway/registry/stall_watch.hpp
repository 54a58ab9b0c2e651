/**
 * @file
 * Is the other side still sending? Only time in which we were ready to read counts: while our own reader is slow, the
 * transfer is paused, and that is nobody's fault.
 */
#pragma once

#include <chrono>
#include <cstdint>

namespace shifter::registry {

class StallWatch {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    StallWatch(Duration window, std::uint64_t min_bytes_per_second, Time now)
        : window_{window}, begin_{now}, needed_{min_bytes_per_second *
                                                static_cast<std::uint64_t>(
                                                    std::chrono::duration_cast<std::chrono::seconds>(window).count())} {
    }

    /** `bytes` arrived, and taking them in held us up for `blocked`. */
    void arrived(std::uint64_t bytes, Duration blocked) noexcept {
        bytes_ += bytes;
        begin_ += blocked;
    }
    /** True when a whole window has gone by with less than was needed. */
    [[nodiscard]] bool has_stalled(Time now) noexcept {
        if (now - begin_ < window_) return false;
        const bool too_few = bytes_ < needed_ || bytes_ == 0;
        begin_ = now;
        bytes_ = 0;
        return too_few;
    }

private:
    Duration window_;
    Time begin_;
    std::uint64_t needed_;
    std::uint64_t bytes_ = 0;
};

} // namespace shifter::registry
