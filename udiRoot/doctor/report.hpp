/**
 * @file
 * The doctor's findings as lines for a person, or as JSON for a monitoring system.
 */
#pragma once

#include "doctor/finding.hpp"

namespace shifter::doctor {

/** "ok       name        what", and "         advice" below those that are not well; a count at the end. */
[[nodiscard]] std::string as_text(const std::vector<Result> & results);

/** {"status": the worst, "checks": [{"name", "status", "what", "advice"}…]}; ASCII and valid UTF-8 pass unaltered. */
[[nodiscard]] std::string as_json(const std::vector<Result> & results);

/** The worst of all; ok for none. */
[[nodiscard]] Status worst(const std::vector<Result> & results) noexcept;

} // namespace shifter::doctor
