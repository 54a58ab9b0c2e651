/**
 * @file
 * Asking the front end: a child that is the caller, with the caller's arguments and environment. What comes back is
 * bytes from the caller, or an exit status.
 */
#pragma once

#include "base/identity.hpp"
#include "base/unique_fd.hpp"
#include "command/caller_state.hpp"

#include <string>
#include <sys/types.h>
#include <variant>

namespace shifter::privileged {

/** The descriptor that the front end writes its answer to. */
inline constexpr int frontend_answer_fd = 3;

/** The front end at work. Killed and reaped if nobody waited for it. */
class Frontend {
public:
    /** Starts installed::frontend as `caller`. `state` must outlive this. @throws SysError */
    Frontend(const Identity & caller, const command::CallerState & state, char ** argv);
    Frontend(const Frontend &) = delete;
    Frontend & operator=(const Frontend &) = delete;
    ~Frontend() { finish(); }

    /**
     * Waits. @return the bytes of a RunRequest, not decoded; or the status to end with, when the front end has printed
     * help or explained a mistake. Until it answers, the caller's signals reach this process.
     * @throws Error
     */
    [[nodiscard]] std::variant<std::string, int> answer();
    /** Its end, which after a whole answer nobody needs to wait for: what it says then is not heard. */
    void finish() noexcept;

private:
    const command::CallerState & state_;
    UniqueFd channel_;
    pid_t pid_ = -1;
};

} // namespace shifter::privileged
