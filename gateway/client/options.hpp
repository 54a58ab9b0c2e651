/**
 * @file
 * The words of a shifterimg command. Contract 9.1: options stand before the mode, since parsing stops at the first
 * word.
 */
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace shifter::client {

enum class Mode { images, lookup, inspect, pull, pullnb, login, logout, expire, autoexpire, queue };

struct Options {
    Mode mode = Mode::images;
    std::string argument; ///< image or location; empty where none was given
    bool verbose = false;
    std::vector<std::uint32_t> users; ///< readers of a private image
    std::vector<std::uint32_t> groups;
    std::string username; ///< of a login
    bool password_stdin = false;
    const char * print = nullptr; ///< what to print on stdout instead of doing anything: help or version
};

/** A mistake in the command itself; the usage is shown after it. */
class UsageError : public Error {
public:
    using Error::Error;
};

/** @param args  with the program's name in front. @throws UsageError; Error for a reader who does not exist */
[[nodiscard]] Options parse_options(std::span<char * const> args);

extern const char * const usage_text;
extern const char * const version_text;

} // namespace shifter::client
