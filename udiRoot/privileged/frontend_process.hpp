/**
 * @file
 * The launch's companion: one child that has given up root for good before it does anything. It says who the caller is,
 * as far as files tell; then it becomes the front end, which reads the caller's words; then it watches the time. In
 * that order: nothing of the caller's was read when the name was sent; what comes later is bytes from the caller.
 */
#pragma once

#include "base/identity.hpp"
#include "command/caller_state.hpp"
#include "plan/account.hpp"
#include "privileged/child.hpp"
#include "privileged/privileges.hpp"
#include "site/site_config.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>

namespace shifter::privileged {

class Frontend {
public:
    /**
     * Starts the child.
     * @param site   the configuration, if it could be read. It and `root` must outlive this
     * @param names  whether the caller's account is wanted
     * @throws SysError
     */
    Frontend(const Privileged & root, char ** argv, const SiteConfig * site, bool names);

    /**
     * Waits for the caller's account. While it and answer() wait, the caller's signals reach this process.
     * @return nothing where only a name service may know it, or none was wanted; else a function that returns the
     * account, or throws why the caller cannot have one
     * @throws Error
     */
    [[nodiscard]] std::optional<std::function<Account()>> account();
    /**
     * Waits. @return the bytes of a RunRequest, not decoded; or the status to end with, when the front end has printed
     * help or explained a mistake. To be called after account(). @throws Error
     */
    [[nodiscard]] std::variant<std::string, int> answer();

    /** From now on the child ends the launch after `limit`, as watchdog.hpp tells. */
    void watch(std::chrono::seconds limit) const noexcept;
    /** Ends it; nobody waits for that yet. */
    void end() noexcept { child_.end(); }
    /** Waits for its end. */
    void finish() noexcept { child_.finish(); }

private:
    /** Reads what there is, once there is something. @return whether more may come */
    bool receive_more();

    const command::CallerState & state_;
    Child child_;
    std::chrono::steady_clock::time_point deadline_;
    std::string bytes_; ///< received, and not asked for yet
};

} // namespace shifter::privileged
