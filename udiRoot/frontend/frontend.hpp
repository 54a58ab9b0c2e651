/**
 * @file
 * The front end as a function: arguments and variables in, a RunRequest out, or an exit status.
 */
#pragma once

#include "frontend/selection.hpp"
#include "request/run_request.hpp"
#include "site/site_config.hpp"

#include <functional>
#include <string>
#include <sys/types.h>
#include <variant>
#include <vector>

namespace shifter::frontend {

struct Host {
    Variables variables;
    std::string config_path;       ///< udiRoot.conf
    std::string current_directory; ///< empty: not known
    uid_t uid = 0;
    gid_t gid = 0;
    const SiteConfig * site = nullptr; ///< config_path as it was read already, or nothing yet
};

/** Texts for the two streams; main writes them. */
struct Output {
    std::string out;
    std::string err;
};

/** A request, or the status to end with after `output` was written. @throws Error for what options cannot know before.
 */
[[nodiscard]] std::variant<RunRequest, int> run_frontend(const std::vector<std::string> & arguments, const Host & host,
                                                         Output & output);

} // namespace shifter::frontend
