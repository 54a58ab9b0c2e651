#include "base/log.hpp"

#include <unistd.h>

#include <atomic>
#include <utility>

namespace shifter::log {
namespace {

const char * program = "shifter";
std::atomic<Level> threshold{Level::warning};

void write_to_stderr(Level level, std::string_view message) {
    std::string line = std::string{program} + ": ";
    if (level == Level::warning) line += "warning: ";
    line += message;
    line += '\n';
    // One write a line, so that lines of several processes do not mix; nobody is left to tell if it fails.
    (void)!::write(STDERR_FILENO, line.data(), line.size());
}

Sink & sink() {
    static Sink current = write_to_stderr;
    return current;
}

} // namespace

void set_sink(Sink new_sink) { sink() = new_sink ? std::move(new_sink) : Sink{write_to_stderr}; }
void set_level(Level level) noexcept { threshold = level; }
void set_program(const char * name) noexcept { program = name; }
bool enabled(Level level) noexcept { return level <= threshold.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message) {
    if (enabled(level)) sink()(level, one_line(message));
}

std::string one_line(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string line;
    line.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            line += "\\x";
            line += hex[byte >> 4U];
            line += hex[byte & 0xfU];
        } else {
            line += c;
        }
    }
    return line;
}

} // namespace shifter::log
