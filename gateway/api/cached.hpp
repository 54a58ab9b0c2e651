/**
 * @file
 * An answer that anybody may ask for, at any rate: made once, and given to all who ask in the next moment.
 */
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

namespace shifter::api {

/** Text that is costly to make. One makes it, and the others get what was made before, so none of them waits. */
class CachedText {
public:
    using Clock = std::chrono::steady_clock;

    /**
     * The text, as a rule not older than `most_age`, or than twenty times what it took to make: so clients without a
     * credential never have more than a twentieth of a core for it. @throws what `make` throws, for the one who made it
     */
    template <class Make> [[nodiscard]] std::string get(std::chrono::milliseconds most_age, Make make) {
        std::unique_lock lock{mutex_};
        // Only the very first text is waited for.
        made_.wait(lock, [&] { return text_ || !is_being_made_; });
        if (text_ && (is_being_made_ || Clock::now() < good_until_)) return *text_;
        is_being_made_ = true;
        lock.unlock();
        const Turn turn{*this};
        const auto begin = Clock::now();
        std::string text = make();
        const auto end = Clock::now();
        const auto least_age = most_age.count() == 0 ? Clock::duration::zero() : 20 * (end - begin);
        std::string answer = text;
        lock.lock();
        good_until_ = end + std::max<Clock::duration>(most_age, least_age);
        text_ = std::move(text);
        lock.unlock();
        return answer;
    }

private:
    /** Somebody makes the text, until this goes. */
    struct Turn {
        explicit Turn(CachedText & of) : cached{of} {}
        ~Turn() {
            const std::lock_guard lock{cached.mutex_};
            cached.is_being_made_ = false;
            cached.made_.notify_all();
        }
        Turn(const Turn &) = delete;
        Turn & operator=(const Turn &) = delete;
        CachedText & cached;
    };

    std::mutex mutex_;
    std::condition_variable made_;
    bool is_being_made_ = false;
    std::optional<std::string> text_;
    Clock::time_point good_until_ = Clock::time_point::min();
};

} // namespace shifter::api
