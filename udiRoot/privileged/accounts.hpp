/**
 * @file
 * Names for the caller's numbers, asked of a child that has dropped, which asks another program where the site wants
 * name services, since those load modules (I3, I19).
 */
#pragma once

#include "plan/account.hpp"
#include "privileged/child.hpp"
#include "site/site_config.hpp"

namespace shifter::privileged {

/** Starts the child. After its answer it stays, and from Child::tell() to Child::finish() it is the launch's watchdog.
 */
[[nodiscard]] Child start_account_child(const Identity & caller, const SiteConfig & site);

/** Its answer. @throws Error, for example when the caller has no name */
[[nodiscard]] Account receive_account(Child & child);

} // namespace shifter::privileged
