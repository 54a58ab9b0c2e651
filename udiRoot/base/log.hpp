/**
 * @file
 * One small logger. Command-line programs write "program: sentence" to stderr; the service writes one line an event.
 *
 * Levels: error (somebody must act), warning (it worked, not as asked), info (a life event), debug (each step).
 * A message is one line: control characters in it are escaped, so that no input can add a line (I35).
 */
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace shifter::log {

enum class Level { error, warning, info, debug };

using Sink = std::function<void(Level, std::string_view message)>;

/** Not thread-safe: called from main, before any thread starts. The default, and an empty one, write to stderr. */
void set_sink(Sink sink);
void set_level(Level level) noexcept;
/** The name in front of each line of the default sink. `name` must outlive the program (a literal). */
void set_program(const char * name) noexcept;

[[nodiscard]] bool enabled(Level level) noexcept;
void write(Level level, std::string_view message);

inline void error(std::string_view message) { write(Level::error, message); }
inline void warning(std::string_view message) { write(Level::warning, message); }
inline void info(std::string_view message) { write(Level::info, message); }
inline void debug(std::string_view message) { write(Level::debug, message); }

/** Replaces control characters by \xNN; text stays as it is otherwise. */
[[nodiscard]] std::string one_line(std::string_view text);

} // namespace shifter::log
