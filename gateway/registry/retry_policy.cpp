#include "registry/retry_policy.hpp"

#include "base/log.hpp"
#include "base/text.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>

namespace shifter::registry {
namespace {

double random_fraction() {
    thread_local std::minstd_rand generator{std::random_device{}()};
    return std::uniform_real_distribution<double>{0.0, 1.0}(generator);
}

/** False when the stop came first. */
bool sleep_unless_stopped(std::chrono::milliseconds duration, const std::stop_token & stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock{mutex};
    (void)never.wait_for(lock, stop, duration, [] { return false; });
    return !stop.stop_requested();
}

} // namespace

std::optional<std::chrono::milliseconds> next_delay(const RegistryLimits & limits, unsigned failed_tries,
                                                    std::optional<std::chrono::seconds> retry_after, double random) {
    if (failed_tries >= limits.attempts) return std::nullopt;
    const std::chrono::milliseconds longest = limits.max_delay;
    std::chrono::milliseconds delay = std::min(limits.first_delay, longest);
    for (unsigned i = 1; i < failed_tries && delay < longest; ++i) delay = std::min(delay * 2, longest);
    const double kept = 1.0 - std::clamp(random, 0.0, 1.0) / 2;
    delay = std::chrono::milliseconds{static_cast<std::int64_t>(static_cast<double>(delay.count()) * kept)};
    if (retry_after) {
        const std::chrono::milliseconds asked = std::min(*retry_after, limits.max_delay);
        delay = std::max(delay, asked);
    }
    return delay;
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, std::time_t now) {
    constexpr std::size_t max_length = 64;
    text = text::trim(text);
    if (text.empty() || text.size() > max_length) return std::nullopt;
    if (text.find_first_not_of("0123456789") == std::string_view::npos) {
        constexpr std::uint32_t longest = 366 * 86400; // whoever asks for more is not waited for either
        return std::chrono::seconds{std::min(text::parse_unsigned<std::uint32_t>(text).value_or(longest), longest)};
    }
    const std::time_t date = ::curl_getdate(std::string{text}.c_str(), nullptr);
    if (date == -1) return std::nullopt;
    return std::chrono::seconds{std::max<std::time_t>(0, date - now)};
}

void RetryLoop::after(const FailedTry & failure, bool made_progress) {
    failed_tries_ = made_progress ? 1 : failed_tries_ + 1;
    const std::string sentence = failure.what();
    if (!failure.passing()) throw RegistryError{failure.cause(), sentence};
    const auto delay = next_delay(limits_, failed_tries_, failure.retry_after(), random_fraction());
    if (!delay) {
        const std::string count = failed_tries_ > 1 ? " (tried " + std::to_string(failed_tries_) + " times)" : "";
        throw RegistryError{failure.cause(), sentence + count};
    }
    log::info("event=retry " + sentence + "; next try in " + std::to_string(delay->count()) + " ms");
    if (!sleep_unless_stopped(*delay, stop_)) throw RegistryError{Cause::stopped, "it was stopped"};
}

} // namespace shifter::registry
