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
    set_stage("waiting for the front end");
}

void Groundwork::lay(const Privileged & root) {
    set_stage("reading the configuration");
    deadline_.emplace();
    log::set_sink([this](log::Level level, std::string_view text) { messages_.emplace_back(level, text); });
    site_ = load_site_config(installed::site_config);
    log::set_sink({}); // the child's sentences are for people at once
    job_ = JobOnNode::from_environment(root.caller_state().environment);
    if (!holds_root()) return; // there is no child that could give up root yet, and the notes are root's to read
    if (job_ && !JobNotes::find(*job_)) job_.reset();
    if (!job_) child_.emplace(start_account_child(root.caller(), site_)); // a prepared root has its names
}

void Groundwork::show_problems() {
    for (const auto & [level, text] : messages_) log::write(level, text);
    if (failure_) std::rethrow_exception(failure_);
}

Child & Groundwork::begin(const Privileged & root) {
    if (!child_) child_.emplace(start_account_child(root.caller(), site_));
    child_->tell();
    return *child_;
}

void Groundwork::end_watch() noexcept {
    if (child_) child_->hang_up();
}

void Groundwork::finish() noexcept {
    if (child_) child_->finish();
    deadline_.reset();
}

} // namespace shifter::privileged
