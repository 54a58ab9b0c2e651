/**
 * @file
 * A short-lived program, run to its end within a limit of time, both of its streams read as they come (H10-8). Of the
 * process that asks nothing is changed: no signal, no descriptor, no environment (I39).
 */
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace shifter::slurm_plugin {

struct ChildResult {
    int wait_status = 0;
    std::string out; ///< at most 64 KiB; what is more is read and dropped
    std::string err; ///< the same
};

/**
 * Runs argv[0], an absolute path, without a shell, with the environment as it is, nothing on its standard input and no
 * other descriptor. A program that takes longer than `limit` is killed.
 * @throws Error  if it cannot be started, or took too long
 */
[[nodiscard]] ChildResult run_child(const std::vector<std::string> & argv, std::chrono::milliseconds limit);

} // namespace shifter::slurm_plugin
