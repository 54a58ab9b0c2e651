/**
 * @file
 * What went wrong, as HTTP says it: one table from errors to statuses, one form of body (contract 7.2, H7-3).
 */
#pragma once

#include "api/http.hpp"
#include "base/error.hpp"

namespace shifter::api {

/** A refusal that knows its status. The sentence is shown to the caller. */
class Refusal : public Error {
public:
    Refusal(int status, const std::string & sentence) : Error{sentence}, status_{status} {}
    [[nodiscard]] int status() const noexcept { return status_; }

private:
    int status_;
};

/** An image that does not exist, and one that the caller may not see: the same words (I33). */
[[nodiscard]] Refusal no_such_image();

/** The status for an error that a handler let out. */
[[nodiscard]] int status_of(const std::exception & error) noexcept;

/** {"status":N,"error":"<sentence>","message":"<reason phrase>: <url>"} */
[[nodiscard]] Response failure(int status, std::string_view sentence, std::string_view url);

} // namespace shifter::api
