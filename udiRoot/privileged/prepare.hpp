/**
 * @file
 * From a request to what will be built: the image, the modules and the plan. A launch and a job's root begin alike.
 */
#pragma once

#include "plan/mount_plan.hpp"
#include "privileged/image_mount.hpp"
#include "privileged/privileges.hpp"

#include <functional>
#include <string>
#include <vector>

namespace shifter::privileged {

/** An image that the caller may use, opened and mounted, not attached yet; for a dry run, not mounted. */
struct ChosenImage {
    ImageRecord record;
    MountedImage mounted;
};

struct Prepared {
    ChosenImage image;
    std::vector<const Module *> modules; ///< of the site that it was prepared with
    std::string user_name;
    MountPlan plan;
};

/** The modules of a request: the user's selection, or the site's default. @throws Error */
[[nodiscard]] std::vector<const Module *> choose_modules(const RunRequest & request, const SiteConfig & site);

/** @param account waits for the caller's, if need be. @throws Error */
[[nodiscard]] Prepared prepare(const Privileged & root, const RunRequest & request, const SiteConfig & site,
                               const std::function<Account()> & account);

} // namespace shifter::privileged
