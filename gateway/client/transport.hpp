/**
 * @file
 * One HTTP exchange with a gateway. The real one is libcurl (curl_transport.cpp); tests have their own.
 */
#pragma once

#include "base/error.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace shifter::client {

struct Exchange {
    bool is_post = false;
    std::string url;
    std::string credential;   ///< header `authentication`
    std::string machine = {}; ///< header `Shifter-Machine`; empty: none
    std::string body;         ///< of a POST: JSON, or empty
    std::chrono::seconds timeout{0};
};

struct Answer {
    int status = 0;
    std::string body;
};

/** No answer came. The sentence says why, and not which gateway. */
class NoAnswer : public Error {
public:
    using Error::Error;
};

class Transport {
public:
    virtual ~Transport() = default;
    /** @throws NoAnswer */
    [[nodiscard]] virtual Answer exchange(const Exchange & exchange) = 0;
};

/** Connections are kept open between exchanges. Answers of more than 1 GiB are refused. `stops` is asked about once a
 * second while an exchange lasts, and ends it. */
[[nodiscard]] std::unique_ptr<Transport> curl_transport(std::function<bool()> stops = {});

/** RFC 3986: all but unreserved characters, '/' and ':' included, as gateways expect a tag (contract 9.2). */
[[nodiscard]] std::string percent_encode(std::string_view text);

} // namespace shifter::client
