/**
 * @file
 * The words of a shifterimg command. Contract 9.1: options stand before the mode, since parsing stops at the first
 * word.
 */
#pragma once

#include "client/failure.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::client {

enum class Mode {
    images,
    lookup,
    inspect,
    pull,
    pullnb,
    login,
    logout,
    expire,
    autoexpire,
    queue,
    history,
    tree,
    share,
    unshare,
    chown,
    rm,
    pin,
    unpin,
    load,
    import
};

struct Options {
    Mode mode = Mode::images;
    std::string argument; ///< image, location or pattern; empty where none was given; of several, the first
    std::vector<std::string> arguments = {}; ///< all images of a pull
    bool verbose = false;
    bool json = false;                ///< answer in JSON, with an exit status for each cause
    bool long_lines = false;          ///< images: size, digest, owner
    bool dot = false;                 ///< tree: for graphviz
    bool mine = false;                ///< images: only those that the caller has pulled or brought
    bool dry_run = false;             ///< rm, expire, autoexpire: only say what would go
    std::string platform;             ///< which is meant, on a system of several; empty: this machine's
    bool all_platforms = false;       ///< lookup: the identifiers on all of them
    bool no_verify = false;           ///< login: store it without asking the registry
    std::vector<std::uint32_t> users; ///< readers of a private image
    std::vector<std::uint32_t> groups;
    std::string username; ///< of a login
    bool password_stdin = false;
    const char * print = nullptr; ///< what to print on stdout instead of doing anything: help or version
};

/** A mistake in the command itself; the usage is shown after it. */
class UsageError : public Failure {
public:
    explicit UsageError(const std::string & sentence) : Failure{Cause::usage, sentence} {}
};

/** The word of a mode. */
[[nodiscard]] std::string_view name_of(Mode mode) noexcept;

/** @param args  with the program's name in front. @throws UsageError; Error for a reader who does not exist */
[[nodiscard]] Options parse_options(std::span<char * const> args);

extern const char * const usage_text;
extern const char * const version_text;

} // namespace shifter::client
