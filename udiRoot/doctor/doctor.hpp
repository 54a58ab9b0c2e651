/**
 * @file
 * shifter-doctor(1) as a function: examines a node, and says what would keep containers from starting.
 */
#pragma once

#include "base/unique_fd.hpp"
#include "doctor/checks.hpp"

#include <chrono>
#include <string>
#include <sys/types.h>
#include <vector>

namespace shifter::doctor {

/** All checks, in the order in which a launch would meet what they are about. */
[[nodiscard]] std::vector<Check> checks_of(const Patient & patient);

/** A check in a process of its own, so that one that hangs in dead storage, or dies, is a finding like any other. */
class Examination {
public:
    /** Begins. @throws SysError */
    explicit Examination(const Check & check);
    /** What was found until `end`, called once; a check that takes longer is killed, and has failed. */
    [[nodiscard]] Finding finish(std::chrono::steady_clock::time_point end);

private:
    pid_t pid_ = -1;
    UniqueFd channel_;
};

/** `words` after the program's name: --json, --help. @return an exit status: 1 if anything failed */
[[nodiscard]] int doctor_main(const std::vector<std::string> & words, const std::string & config_path,
                              std::string & out, std::string & err);

} // namespace shifter::doctor
