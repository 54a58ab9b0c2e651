/**
 * @file
 * Accounts as they were a moment ago: thousands of tasks of a job ask within a second, and name services may be slow.
 */
#pragma once

#include "auth/accounts.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <shared_mutex>
#include <unordered_map>

namespace shifter::auth {

/** From any thread. Only accounts that are there are kept: one that is made is known at once. */
class AccountCache {
public:
    using Clock = std::chrono::steady_clock;
    using Find = std::function<std::optional<Account>(uid_t)>;

    static constexpr std::size_t most_accounts = 10'000;

    /** @param age  a change of somebody's groups holds after that long at the latest; 0: at once */
    explicit AccountCache(std::chrono::seconds age, Find find = default_find(),
                          std::function<Clock::time_point()> now = &Clock::now);

    /** @throws Error as find_account() does; what is known is not used longer for that */
    [[nodiscard]] std::optional<Account> find(uid_t uid);

private:
    struct Known {
        Account account;
        Clock::time_point since;
    };
    [[nodiscard]] static Find default_find();
    void remember(const Account & account, Clock::time_point since);

    const std::chrono::seconds age_;
    const Find find_;
    const std::function<Clock::time_point()> now_;
    std::shared_mutex mutex_;
    std::unordered_map<uid_t, Known> known_;
};

} // namespace shifter::auth
