/**
 * @file
 * How things fail: an error is one sentence for a person, which says what could not be done, to what, and why.
 *
 * Failing throws Error or SysError; refused input is Expected<T> (expected.hpp); absence is std::optional.
 */
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace shifter {

/** Exit statuses of all programs; the man pages print this list. Contract 1.7. */
enum class ExitStatus : int {
    success = 0,
    failed = 1,           ///< option, configuration, lookup, permission, mount, network: the message says which
    not_executable = 126, ///< the command was found in the container, and may not be executed
    not_found = 127,      ///< the command was not found in the container
};

/** A sentence for the person who asked. No secrets, no control characters, no trailing full stop. */
class Error : public std::runtime_error {
public:
    explicit Error(const std::string & sentence) : std::runtime_error{sentence} {}
};

/**
 * A failed system call. The sentence gets ": <strerror>" at its end.
 *
 * Write `throw SysError{errno, "cannot open " + quoted(path)};` with braces: they are evaluated from left to right,
 * so errno is read before the string is built.
 */
class SysError : public Error {
public:
    SysError(int error_number, const std::string & sentence, const char * file = __builtin_FILE(), int line = __builtin_LINE());

    [[nodiscard]] int error_number() const noexcept { return error_number_; }
    [[nodiscard]] const char * file() const noexcept { return file_; }
    [[nodiscard]] int line() const noexcept { return line_; }

private:
    int error_number_;
    const char * file_;
    int line_;
};

/** Text for a message: in double quotes, control characters and quotes escaped, cut after 512 bytes. */
[[nodiscard]] std::string quoted(std::string_view text);

/** The text of an errno, thread-safe. */
[[nodiscard]] std::string describe_errno(int error_number);

/** Runs `action`; a sentence that comes out of it gets "`context`: " in front. */
template <class Action> decltype(auto) with_context(const std::string & context, Action && action) {
    try {
        return std::forward<Action>(action)();
    } catch (const std::exception & error) {
        throw Error{context + ": " + error.what()};
    }
}

} // namespace shifter
