/**
 * @file
 * When a failed exchange is tried again (R8): a pure rule for the delay, and the loop that keeps count.
 */
#pragma once

#include "registry/registry_client.hpp"

#include <chrono>
#include <ctime>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace shifter::registry {

/** One try that failed. The sentence begins with the host's name: "registry.example.org answered 503". */
class FailedTry : public RegistryError {
public:
    FailedTry(Cause cause, const std::string & sentence, bool passing,
              std::optional<std::chrono::seconds> retry_after = std::nullopt)
        : RegistryError{cause, sentence}, passing_{passing}, retry_after_{retry_after} {}
    /** Whether trying again can help. */
    [[nodiscard]] bool passing() const noexcept { return passing_; }
    [[nodiscard]] std::optional<std::chrono::seconds> retry_after() const noexcept { return retry_after_; }

private:
    bool passing_;
    std::optional<std::chrono::seconds> retry_after_;
};

/**
 * The pause before try number `failed_tries` + 1; nothing when the tries are used up.
 *
 * Doubling from `first_delay` to `max_delay`, of which `random` (0 to 1) takes away up to one half, so that many
 * gateways do not come back at one instant. What the server asked for counts when it is longer, up to `max_delay`.
 */
[[nodiscard]] std::optional<std::chrono::milliseconds> next_delay(const RegistryLimits & limits, unsigned failed_tries,
                                                                  std::optional<std::chrono::seconds> retry_after,
                                                                  double random);

/** Retry-After, RFC 9110 section 10.2.3: seconds, or a date. A date in the past is 0. */
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, std::time_t now);

/** Counts the failed tries of one exchange. */
class RetryLoop {
public:
    RetryLoop(const RegistryLimits & limits, std::stop_token stop) : limits_{limits}, stop_{std::move(stop)} {}
    /**
     * Returns when it is time for the next try. Throws `failure` for good, with the number of tries in its sentence,
     * when it is lasting or the tries are used up; Cause::stopped when stopped. `made_progress` begins the count anew.
     */
    void after(const FailedTry & failure, bool made_progress = false);

private:
    RegistryLimits limits_;
    std::stop_token stop_;
    unsigned failed_tries_ = 0;
};

/** Runs `attempt` until it succeeds or the loop gives up. */
template <class Attempt>
auto with_retries(const RegistryLimits & limits, const std::stop_token & stop, Attempt && attempt) {
    RetryLoop loop{limits, stop};
    for (;;) {
        try {
            return attempt();
        } catch (const FailedTry & failure) {
            loop.after(failure);
        }
    }
}

} // namespace shifter::registry
