/**
 * @file
 * A short-lived program, run to its end within a limit of time, both of its streams read as they come (H10-8). Of the
 * process that asks nothing is changed: no signal, no descriptor, no environment (I39).
 */
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace shifter::slurm_plugin {

struct ChildResult {
    int wait_status = 0;
    std::string out; ///< at most 64 KiB; what is more is read and dropped
    std::string err; ///< the same
};

/**
 * Called with what a program has written to its standard output so far, while it waits for the end of its standard
 * input; until it returns true, which ends that input.
 */
using WhileItWaits = std::function<bool(pid_t pid, const std::string & out)>;

/**
 * Runs argv[0], an absolute path, without a shell, with the environment as it is, `input` on its standard input (at
 * most 16 KiB, so that it never waits) and no other descriptor. A program that takes longer than `limit` is killed.
 * @throws Error  if it cannot be started, or took too long; and what `while_it_waits` throws
 */
[[nodiscard]] ChildResult run_child(const std::vector<std::string> & argv, std::chrono::milliseconds limit,
                                    const WhileItWaits & while_it_waits = {}, std::string_view input = {});

/** "status 1" or "signal 9". */
[[nodiscard]] std::string describe_end(int wait_status);
/** What a program said, line by line: trimmed, without `prefix` in front, fit for a terminal, at most twenty. */
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text, std::string_view prefix);

} // namespace shifter::slurm_plugin
