/**
 * @file
 * A configuration as a person checks it: everything that is wrong, at once, without using it.
 */
#pragma once

#include "site/site_config.hpp"

#include <string>
#include <vector>

namespace shifter {

struct SiteConfigCheck {
    std::vector<std::string> files;   ///< that were read, in their order
    ParsedSiteConfig content;         ///< what they hold, and every problem of it
    std::vector<std::string> refused; ///< sentences: files that a privileged program would not read (I37)
};

/** Reads `path`, which is absolute, and its drop-ins with the caller's own rights. @throws Error for an unreadable one
 */
[[nodiscard]] SiteConfigCheck check_site_config(const std::string & path);

} // namespace shifter
