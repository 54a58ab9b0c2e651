/**
 * @file
 * Expected<T>: a value, or why the text was refused. Parsers return it, since bad input is half of their job.
 */
#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <variant>

namespace shifter {

/** Why a text was refused, and at which byte of it. `what` is the rest of a sentence: "cannot use X: <what>". */
struct ParseError {
    std::size_t offset = 0;
    std::string what;
    bool operator==(const ParseError &) const = default;
};

template <class T> class [[nodiscard]] Expected {
public:
    // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions): a value is a result
    Expected(T value) : content_{std::in_place_index<0>, std::move(value)} {}
    // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions): so is a refusal
    Expected(ParseError error) : content_{std::in_place_index<1>, std::move(error)} {}

    [[nodiscard]] bool has_value() const noexcept { return content_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /** Calling these on the wrong alternative throws std::bad_variant_access. */
    [[nodiscard]] const T & operator*() const & { return std::get<0>(content_); }
    [[nodiscard]] T & operator*() & { return std::get<0>(content_); }
    [[nodiscard]] T && operator*() && { return std::get<0>(std::move(content_)); }
    [[nodiscard]] const T * operator->() const { return &std::get<0>(content_); }
    [[nodiscard]] T * operator->() { return &std::get<0>(content_); }
    [[nodiscard]] const ParseError & error() const { return std::get<1>(content_); }

    /** The value, or Error{"`context`: <what>"}. */
    [[nodiscard]] T value_or_throw(const std::string & context) && {
        if (!has_value()) throw Error{context + ": " + error().what};
        return std::get<0>(std::move(content_));
    }

    bool operator==(const Expected &) const = default;

private:
    std::variant<T, ParseError> content_;
};

} // namespace shifter
