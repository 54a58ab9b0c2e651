/**
 * @file
 * Names for the caller's numbers, asked of a child that has dropped, which asks another program where the site wants
 * name services, since those load modules (I3, I19).
 */
#pragma once

#include "plan/account.hpp"
#include "privileged/child.hpp"
#include "site/site_config.hpp"

#include <cstddef>
#include <optional>

namespace shifter::privileged {

/** Of an encoded account: a group file of a million users has half of it. */
inline constexpr std::size_t max_account_bytes = 128U << 20U;

/**
 * The caller's account, where the site's files or the node's tell it; nothing where a name service has to be asked. For
 * a process that has dropped. @throws Error, for example when the caller has no name
 */
[[nodiscard]] std::optional<Account> account_in_files(const Identity & caller, const SiteConfig & site);

/** Starts the child. After its answer it stays: from Child::tell() to Child::finish() it is the launch's watchdog. */
[[nodiscard]] Child start_account_child(const Identity & caller, const SiteConfig & site);

/** Its answer. @throws Error, for example when the caller has no name */
[[nodiscard]] Account receive_account(Child & child);

} // namespace shifter::privileged
