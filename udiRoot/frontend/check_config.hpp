/**
 * @file
 * shifter --check-config: what is wrong with a udiRoot.conf, all of it, before anybody starts a container with it.
 */
#pragma once

#include "frontend/frontend.hpp"

#include <string>

namespace shifter::frontend {

/**
 * Checks `path`, or the installed configuration where it is empty. One line for each problem on `output.err`; an exit
 * status, which is not 0 for a warning, either. Files that privileged programs would refuse are problems of the
 * installed configuration, and notes for another file, which may be a draft of anybody's.
 */
[[nodiscard]] int check_config(const std::string & path, const Host & host, Output & output);

} // namespace shifter::frontend
