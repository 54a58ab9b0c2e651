#include "privileged/groundwork.hpp"

#include "base/installed_paths.hpp"
#include "privileged/accounts.hpp"

namespace shifter::privileged {

Groundwork::Groundwork(const Privileged & root) noexcept {
    try {
        lay(root);
    } catch (...) {
        failure_ = std::current_exception();
        log::set_sink({});
    }
}

void Groundwork::lay(const Privileged & root) {
    deadline_.emplace();
    set_stage("reading the configuration");
    log::set_sink([this](log::Level level, std::string_view text) { messages_.emplace_back(level, text); });
    site_ = load_site_config(installed::site_config);
    log::set_sink({}); // the companion's sentences are for people at once
    job_ = JobOnNode::from_environment(root.caller_state().environment);
    // The notes are root's to read.
    if (job_ && holds_root() && !JobNotes::find(*job_)) job_.reset();
}

void Groundwork::show_problems() {
    for (const auto & [level, text] : messages_) log::write(level, text);
    if (failure_) std::rethrow_exception(failure_);
}

void Groundwork::take_account(std::optional<std::function<Account()>> account, const Privileged & root) {
    account_ = std::move(account);
    const bool is_wanted = !failure_ && !job_; // a prepared root has its names
    if (!account_ && is_wanted && holds_root()) name_service_.emplace(start_account_child(root.caller(), site_));
}

Account Groundwork::account(const Privileged & root) {
    if (account_) return (*account_)();
    if (!name_service_) name_service_.emplace(start_account_child(root.caller(), site_));
    Account account = receive_account(*name_service_);
    name_service_->finish();
    return account;
}

void Groundwork::finish() noexcept { deadline_.reset(); }

} // namespace shifter::privileged
