/**
 * @file
 * The command line of `shifter`: contract 1.1, by getopt_long(3), whose abbreviations are part of the contract.
 */
#pragma once

#include "base/expected.hpp"
#include "request/run_request.hpp"

#include <optional>
#include <string>
#include <vector>

namespace shifter::frontend {

struct Options {
    bool help = false;
    bool version = false;
    bool verbose = false;
    bool clear_environment = false;
    bool dry_run = false;
    bool timing = false;
    std::optional<std::string> check_config; ///< the file; empty: the installed one
    std::optional<std::string> image;   ///< the last --image
    std::optional<std::string> volumes; ///< all --volume and --mount, as one volume map in their order
    std::optional<std::string> modules; ///< the last --module
    OptionalChoice workdir;
    OptionalChoice entrypoint;
    OptionalChoice writable;
    std::vector<std::string> environment; ///< all --env
    std::optional<std::string> environment_file;
    std::vector<std::string> command; ///< from the first word that is no option
};

/** `arguments` without the program's name. Not thread-safe: getopt_long(3) keeps its place in a global. */
[[nodiscard]] Expected<Options> parse_options(const std::vector<std::string> & arguments);

/** What is printed for --help, and its first part, for mistakes. */
[[nodiscard]] std::string usage();
[[nodiscard]] std::string help();

} // namespace shifter::frontend
