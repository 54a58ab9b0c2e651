/**
 * @file
 * shifter-doctor(1) as a function: examines a node, and says what would keep containers from starting.
 */
#pragma once

#include "doctor/checks.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace shifter::doctor {

/** All checks, in the order in which a launch would meet what they are about. */
[[nodiscard]] std::vector<Check> checks_of(const Patient & patient);

/** Runs one in a process of its own: a check that hangs in dead storage, or dies, is a finding like any other. */
[[nodiscard]] Finding examine_within(const Check & check, std::chrono::milliseconds limit);

/** `words` after the program's name: --json, --help. @return an exit status: 1 if anything failed */
[[nodiscard]] int doctor_main(const std::vector<std::string> & words, const std::string & config_path,
                              std::string & out, std::string & err);

} // namespace shifter::doctor
