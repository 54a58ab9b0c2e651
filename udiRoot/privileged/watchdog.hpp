/**
 * @file
 * A launch ends in success or error within launchTimeout, even when storage does not answer (R12).
 * A process that hangs in a dead network file system cannot speak for itself, so the child that answered for the
 * accounts stays, and speaks and ends the launch for it.
 */
#pragma once

#include <chrono>
#include <csignal>
#include <string>
#include <sys/types.h>

namespace shifter::privileged {

/** What the launch is doing, for the watchdog's sentence. `what` is a literal. */
void set_stage(const char * what) noexcept;

/** For --timing: how long each stage took so far, one line each, in milliseconds. */
[[nodiscard]] std::string stage_times();

/** In the launcher: lets the watchdog end it, cleanly if it can still act. Undone by the destructor. */
class Deadline {
public:
    Deadline();
    Deadline(const Deadline &) = delete;
    Deadline & operator=(const Deadline &) = delete;
    ~Deadline();

private:
    struct sigaction previous_ {};
};

/** In the child: returns when the launcher hangs up; ends the launcher `launcher` when it has not after `limit`. */
void watch(int channel, pid_t launcher, std::chrono::seconds limit);

} // namespace shifter::privileged
