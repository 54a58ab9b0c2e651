/**
 * @file
 * Running another program to its end, as the doctor asks munge(1) or scontrol(1).
 */
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace shifter::doctor {

struct Outcome {
    int status = 0;     ///< exit status; 128 + N for signal N
    std::string output; ///< both streams; at most 1 MiB
};

/** Where `name` is among the places of system programs, whatever PATH says. */
[[nodiscard]] std::optional<std::string> find_program(const std::string & name);

/** Runs words[0], a path, with `input` (at most 64 KiB) on its stdin, and waits. @throws Error when it cannot start */
[[nodiscard]] Outcome run(std::vector<std::string> words, const std::string & input = {});

} // namespace shifter::doctor
