/**
 * @file
 * Why a command did not do what it was asked to, and the exit status that says so. One table: shifterimg(1) prints it.
 */
#pragma once

#include "base/error.hpp"

#include <string>
#include <string_view>

namespace shifter::client {

/** Without --json every one of them is status 1, as contract 9.3 has it; with --json each has its own. */
enum class Cause {
    failed,          ///< the pull ended in FAILURE, a file could not be written, …
    usage,           ///< the command cannot be meant
    not_found,       ///< there is no such image, or the caller may not see it
    unauthenticated, ///< munged gives no credential, or the gateway does not take it
    refused,         ///< no right to do that
    unreachable,     ///< no gateway answers
    gateway_fault,   ///< the gateway answers that something broke, there or at the registry
    interrupted,     ///< Ctrl-C
};

struct CauseFacts {
    Cause cause;
    std::string_view name; ///< in the JSON of an error
    int status;            ///< with --json
};
[[nodiscard]] const CauseFacts & facts_of(Cause cause) noexcept;

/** The cause of an answer's status, or of none (0). */
[[nodiscard]] Cause cause_of(int http_status) noexcept;

/** An error that knows its cause. */
class Failure : public Error {
public:
    Failure(Cause cause, const std::string & sentence) : Error{sentence}, cause_{cause} {}
    [[nodiscard]] Cause cause() const noexcept { return cause_; }

private:
    Cause cause_;
};

/** Of any exception: Failure's own; what munged said is `unauthenticated`; all else is `failed`. */
[[nodiscard]] Cause cause_of(const std::exception & error) noexcept;

/** with_context() that keeps the cause. */
template <class Action> decltype(auto) within(const std::string & context, Action && action) {
    try {
        return std::forward<Action>(action)();
    } catch (const std::exception & error) {
        throw Failure{cause_of(error), context + ": " + error.what()};
    }
}

} // namespace shifter::client
