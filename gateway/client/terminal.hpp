/**
 * @file
 * The person at the keyboard: questions, and how wide the terminal is.
 */
#pragma once

#include <iosfwd>
#include <string>

namespace shifter::client {

/**
 * Asks on stderr, and reads one line from /dev/tty, or from `in` where there is no terminal. `secret`: what is typed is
 * not shown; the terminal is as before afterwards, also when a signal ends the program.
 */
[[nodiscard]] std::string ask_person(const std::string & prompt, bool secret, std::istream & in);

/** Columns of the terminal on stdout; 80 when it does not say. */
[[nodiscard]] unsigned terminal_columns();

} // namespace shifter::client
