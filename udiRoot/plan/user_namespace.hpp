/**
 * @file
 * A plan for a shifter that is not set-id root: what a user namespace cannot do is done otherwise, or refused in words.
 */
#pragma once

#include "plan/mount_plan.hpp"

namespace shifter {

/**
 * The image is served by squashfuse; binds are recursive, since the kernel parts no mount from those below it for
 * somebody who may not unmount them; /etc is merged entry by entry, unless it is writable. @throws Error for hooks and
 * perNodeCache
 */
void adapt_to_user_namespace(MountPlan & plan);

} // namespace shifter
