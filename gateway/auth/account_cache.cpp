#include "auth/account_cache.hpp"

#include <mutex>

namespace shifter::auth {

AccountCache::AccountCache(std::chrono::seconds age, Find find, std::function<Clock::time_point()> now)
    : age_{age}, find_{std::move(find)}, now_{std::move(now)} {}

AccountCache::Find AccountCache::default_find() {
    return [](uid_t uid) { return find_account(uid); };
}

std::optional<Account> AccountCache::find(uid_t uid) {
    // The moment before the question: the answer may be old when it comes.
    const auto now = now_();
    {
        const std::shared_lock lock{mutex_};
        const auto found = known_.find(uid);
        if (found != known_.end() && now - found->second.since < age_) return found->second.account;
    }
    auto account = find_(uid); // nobody waits for another one's answer
    if (age_.count() == 0) return account;
    if (account) {
        remember(*account, now);
    } else {
        const std::lock_guard lock{mutex_};
        known_.erase(uid);
    }
    return account;
}

void AccountCache::remember(const Account & account, Clock::time_point since) {
    const std::lock_guard lock{mutex_};
    const uid_t uid = account.identity.uid;
    if (known_.size() >= most_accounts && known_.count(uid) == 0) {
        std::erase_if(known_, [&](const auto & each) { return since - each.second.since >= age_; });
        if (known_.size() >= most_accounts) known_.clear(); // they are a question away
    }
    known_.insert_or_assign(uid, Known{account, since});
}

} // namespace shifter::auth
