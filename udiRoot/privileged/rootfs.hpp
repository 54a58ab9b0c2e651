/**
 * @file
 * The container's root: built in a mount namespace of its own, and entered. Contract 5; I9, I11, I13 to I15.
 */
#pragma once

#include "plan/mount_plan.hpp"
#include "privileged/image_mount.hpp"
#include "privileged/privileges.hpp"

namespace shifter::privileged {

struct JobRoot;

/** Proof that this process stands in the container's root, and that the old one is out of reach. */
class Rootfs {
private:
    Rootfs() = default;
    friend Rootfs build(const Privileged & root, const MountPlan & plan, MountedImage image);
    friend Rootfs enter_job_root(const Privileged & root, const JobRoot & job_root);
};

/**
 * Leaves the node's mount namespace, carries out the plan, makes the result "/", lets go of the old root, and reads
 * back what the kernel says of every mount. A failure leaves nothing: the namespace ends with the process.
 * @throws Error
 */
[[nodiscard]] Rootfs build(const Privileged & root, const MountPlan & plan, MountedImage image);

} // namespace shifter::privileged
