/**
 * @file
 * Asking the front end: a child that is the caller, with the caller's arguments and environment. What comes back is
 * bytes from the caller, or an exit status.
 */
#pragma once

#include "base/identity.hpp"
#include "command/caller_state.hpp"

#include <string>
#include <variant>

namespace shifter::privileged {

/** The descriptor that the front end writes its answer to. */
inline constexpr int frontend_answer_fd = 3;

/**
 * Runs installed::frontend as `caller`. @return the bytes of a RunRequest, not decoded; or the status to end with, when
 * the front end has printed help or explained a mistake. Until it answers, the caller's signals reach this process.
 * @throws Error
 */
[[nodiscard]] std::variant<std::string, int> ask_frontend(const Identity & caller, const command::CallerState & state,
                                                          char ** argv);

} // namespace shifter::privileged
