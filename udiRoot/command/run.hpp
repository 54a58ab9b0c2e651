/**
 * @file
 * The last steps, as the caller in the container: working directory, environment, exec. Contract 1.3 (12 to 15), 1.7.
 */
#pragma once

#include "command/dropped.hpp"
#include "request/run_request.hpp"
#include "site/image_record.hpp"
#include "site/site_config.hpp"

#include <string>
#include <vector>

namespace shifter::command {

struct Invocation {
    const RunRequest & request;
    const ImageRecord & image;
    const std::vector<const Module *> & modules;
    const SiteConfig & site;
    const std::vector<std::string> & words; ///< of choose_command()
    const std::string & workdir;            ///< of choose_workdir()
};

/**
 * Becomes the command. Returns only when that failed, with 127 or 126 and the sentence written; `program` is the name
 * that the sentence begins with. @throws Error for a bad env file.
 */
[[nodiscard]] int run_command(const Dropped & user, const Invocation & invocation, const char * program);

} // namespace shifter::command
