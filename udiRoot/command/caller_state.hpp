/**
 * @file
 * What a process inherits from who started it, and what the command must find again unchanged (I1, I5).
 */
#pragma once

#include <csignal>
#include <string>
#include <sys/resource.h>
#include <sys/types.h>
#include <vector>

namespace shifter::command {

struct CallerState {
    std::vector<std::string> environment; ///< as received; data, never this process's environment (I3)
    mode_t umask = 022;
    sigset_t signal_mask{};
    struct sigaction child_signal {}; ///< SIGCHLD may have been ignored; waiting for children needs it not to be
    struct rlimit core_limit {};

    /**
     * Remembers all of it, and makes the process safe: descriptors 0 to 2 open (the command finds
     * /dev/null, or what the C library puts there for a set-id program, where the caller had closed one), environment
     * empty, umask 022, no core files, SIGCHLD at its default, every signal blocked so that a Ctrl-C waits until there
     * is something to interrupt (H6-9). @throws SysError
     */
    [[nodiscard]] static CallerState take();

    /** Puts umask, limit, SIGCHLD and, last, the signal mask back; a signal that waited is delivered then. */
    void restore() const;
};

/** Every signal waits from here on. @param before what was blocked until now; may be null. @throws SysError */
void block_signals(sigset_t * before);

} // namespace shifter::command
