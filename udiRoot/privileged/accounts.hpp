/**
 * @file
 * Names for the caller's numbers, asked of a child that has dropped: name services load modules (I3, I19).
 */
#pragma once

#include "plan/account.hpp"
#include "privileged/child.hpp"
#include "site/site_config.hpp"

namespace shifter::privileged {

/** Starts the child. After its answer it stays as the launch's watchdog until Child::finish(). */
[[nodiscard]] Child start_account_child(const Identity & caller, const SiteConfig & site);

/** Its answer. @throws Error, for example when the caller has no name */
[[nodiscard]] Account receive_account(Child & child);

} // namespace shifter::privileged
