/**
 * @file
 * A request and a response as values: what a handler sees of HTTP. RFC 9110 (semantics), RFC 3986 (percent-encoding).
 */
#pragma once

#include "base/expected.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shifter::api {

enum class Method { get, post, other };

struct Request {
    Method method = Method::get;                              ///< HEAD is served as GET; the server leaves the body out
    std::string target;                                       ///< as it arrived: path and query, still percent-encoded
    std::vector<std::pair<std::string, std::string>> headers; ///< names in lower case
    std::string body;
    std::string peer; ///< address of the client, for the log
    std::string id;   ///< made by the server; every log line of this request carries it

    /** The header's value; nothing when it is absent, or when it came more than once (then nobody knows which holds).
     */
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

/** Contract 7.2: the type is sent exactly so, without a charset; the server adds Content-Length. */
inline constexpr const char * json_type = "application/json";
inline constexpr const char * text_type = "text/plain";
inline constexpr const char * metrics_type = "text/plain; version=0.0.4";

struct Response {
    int status = 200;
    std::string body = {};
    const char * content_type = json_type;
    std::vector<std::pair<std::string, std::string>> headers = {};
    /** What follows `body`, part by part, until an empty one; then the answer goes in chunks. Called by one thread at a
     * time, after the handler has returned; what it throws ends the connection. */
    std::function<std::string()> more = {};
};

/** The reason phrase of a status ("Not Found"). */
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/** Decodes %XX, once. Refused: a broken escape, and NUL. '+' stays '+'. */
[[nodiscard]] Expected<std::string> percent_decode(std::string_view text);
/** Encodes all but RFC 3986's unreserved characters, as clients do with a whole tag. */
[[nodiscard]] std::string percent_encode(std::string_view text);

/** The value of `name` in a target's query, decoded; nothing when absent or broken. */
[[nodiscard]] std::optional<std::string> query_value(std::string_view target, std::string_view name);

} // namespace shifter::api
