/**
 * @file
 * What a launch needs whatever is asked for: the site's configuration and the caller's names. It is begun while the
 * front end works, on another core. What is wrong is said only when the front end has asked for a launch: it may have
 * been asked for help, or to check that very configuration.
 */
#pragma once

#include "base/log.hpp"
#include "privileged/child.hpp"
#include "privileged/job_root.hpp"
#include "privileged/privileges.hpp"
#include "privileged/watchdog.hpp"
#include "site/site_config.hpp"

#include <exception>
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
    /** The child that knows the caller's names; it watches the time from now on. @throws Error */
    [[nodiscard]] Child & begin(const Privileged & root);
    /** Lets the watchdog end, if there is one, while this process goes on. */
    void end_watch() noexcept;
    /** Waits for that, and ends the time limit. */
    void finish() noexcept;

private:
    void lay(const Privileged & root);

    std::vector<std::pair<log::Level, std::string>> messages_;
    std::exception_ptr failure_;
    SiteConfig site_;
    std::optional<JobOnNode> job_;
    std::optional<Deadline> deadline_;
    std::optional<Child> child_;
};

} // namespace shifter::privileged
