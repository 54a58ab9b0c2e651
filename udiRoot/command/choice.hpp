/**
 * @file
 * What is executed, and where: the tables of contract 1.4 and 1.5, as functions without effects.
 */
#pragma once

#include "request/run_request.hpp"
#include "site/image_record.hpp"
#include "site/site_config.hpp"

#include <string>
#include <vector>

namespace shifter::command {

/**
 * The words to execute (table 1.4); none: a shell, which only the container can choose (H1-4).
 * @throws Error when `--entrypoint` is given and the image has none
 */
[[nodiscard]] std::vector<std::string> choose_command(const RunRequest & request, const ImageRecord & image);

/** The modules' wrappers, which come before all words of a command, in order. */
[[nodiscard]] std::vector<std::string> wrappers_of(const std::vector<const Module *> & modules);

/** The working directory (1.5); empty: "/", because the caller's own is not known. @throws Error */
[[nodiscard]] std::string choose_workdir(const RunRequest & request, const ImageRecord & image);

} // namespace shifter::command
