/**
 * @file
 * Where shifter is not set-id root: a user namespace of the caller's own, in which he may mount what needs no privilege
 * on the node. Nothing is gained there that unshare(1) would not give him. docs/explanation/without-set-id.md
 */
#pragma once

#include "base/identity.hpp"

namespace shifter::privileged {

/**
 * Enters a new user namespace, with the caller's uid and gid as themselves and nobody else's, and a mount namespace of
 * its own. What the node's root owns shows the overflow uid there, and is taken for root's (TrustedFile).
 * @throws Error when the node does not allow it, or the caller is in group 0, which cannot be left there
 */
void enter_user_namespace(const Identity & caller);

/** Whether this process has entered one. */
[[nodiscard]] bool in_user_namespace() noexcept;

} // namespace shifter::privileged
