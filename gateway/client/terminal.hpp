/**
 * @file
 * The person at the keyboard: questions, and how wide the terminal is.
 */
#pragma once

#include <chrono>
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
/** Its rows; 24 when it does not say. */
[[nodiscard]] unsigned terminal_rows();

/** From here on the first Ctrl-C is remembered instead of ending the program; the second one ends it. */
void watch_interrupts();
[[nodiscard]] bool was_interrupted() noexcept;
/** Ends the program as the Ctrl-C would have done, so that a shell's loop ends with it. */
[[noreturn]] void end_by_interrupt();
/** Waits; a Ctrl-C that is watched for ends the wait. */
void sleep_unless_interrupted(std::chrono::milliseconds time);

} // namespace shifter::client
