/**
 * @file
 * What the front end's process does. shifter calls it in a child that is the caller for good and shares nothing with
 * the privileged side but a socket; a program of its own would cost each launch an execve(2) and the start of a C
 * library.
 */
#pragma once

#include "site/site_config.hpp"

#include <string>
#include <variant>
#include <vector>

namespace shifter::frontend {

/**
 * Parses the caller's words and variables, and writes what there is to say to his standard streams. "shifter doctor"
 * and "shifter ps" execute their own program and do not return; descriptors that they must not have are close-on-exec.
 * @param argv         as main() got it
 * @param environment  the caller's, NAME=VALUE; not that of this process
 * @param site         the configuration, if it was read already; else it is read as the caller, once it is needed
 * @return the bytes of a RunRequest, or the status to end with
 * @throws Error       whose sentence is still to be written
 */
[[nodiscard]] std::variant<std::string, int> answer(char ** argv, const std::vector<std::string> & environment,
                                                    const SiteConfig * site);

} // namespace shifter::frontend
