/**
 * @file
 * The program shifter-gateway(8) as a function.
 */
#pragma once

#include <iosfwd>
#include <span>

namespace shifter::service {

/**
 * Runs until SIGTERM or SIGINT. `args` are the words after the program's name. What keeps it from starting is one line
 * (one for each problem of the configuration) on `err`, and status 1.
 */
[[nodiscard]] int gateway_main(std::span<char * const> args, std::ostream & out, std::ostream & err);

} // namespace shifter::service
