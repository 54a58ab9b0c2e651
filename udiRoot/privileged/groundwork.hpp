/**
 * @file
 * What a launch needs whatever is asked for: the site's configuration, the time limit and the caller's names. What is
 * wrong with the configuration is said only when the front end has asked for a launch: it may have been asked for help,
 * or to check that very configuration.
 */
#pragma once

#include "base/log.hpp"
#include "plan/account.hpp"
#include "privileged/child.hpp"
#include "privileged/job_root.hpp"
#include "privileged/privileges.hpp"
#include "privileged/watchdog.hpp"
#include "site/site_config.hpp"

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shifter::privileged {

class Groundwork {
public:
    explicit Groundwork(const Privileged & root) noexcept;
    Groundwork(const Groundwork &) = delete;
    Groundwork & operator=(const Groundwork &) = delete;

    /** Says what there was to say about the configuration. @throws whatever went wrong */
    void show_problems();

    [[nodiscard]] const SiteConfig & site() const noexcept { return site_; }
    /** The batch system's job that the caller says he is in, if this node has noted something of it. */
    [[nodiscard]] const std::optional<JobOnNode> & job() const noexcept { return job_; }
    /** The same, if it could be read. */
    [[nodiscard]] const SiteConfig * site_if_known() const noexcept { return failure_ ? nullptr : &site_; }
    /** What the companion has said about the caller's account; where that is nothing, a name service is asked. */
    void take_account(std::optional<std::function<Account()>> account, const Privileged & root);
    /** The caller's account. @throws Error, for example when he has no name */
    [[nodiscard]] Account account(const Privileged & root);
    /** Ends the time limit. */
    void finish() noexcept;

private:
    void lay(const Privileged & root);

    std::vector<std::pair<log::Level, std::string>> messages_;
    std::exception_ptr failure_;
    SiteConfig site_;
    std::optional<JobOnNode> job_;
    std::optional<Deadline> deadline_;
    std::optional<std::function<Account()>> account_;
    std::optional<Child> name_service_;
};

} // namespace shifter::privileged
