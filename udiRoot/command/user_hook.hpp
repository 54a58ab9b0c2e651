/**
 * @file
 * The modules' userhooks: scripts that the container's shell runs before the command. Contract 3.4, 1.3 (14).
 */
#pragma once

#include "command/dropped.hpp"

#include <string>
#include <vector>

namespace shifter::command {

/**
 * Runs `/bin/sh path` in the container as the caller, with the container's environment (H1-21) and the command's
 * descriptors and working directory, and waits for it. @throws Error when it does not end with status 0
 */
void run_user_hook(const Dropped & user, const std::string & module, const std::string & path,
                   const std::vector<std::string> & environment);

} // namespace shifter::command
