/**
 * @file
 * One place that serves a registry's content: its URL, its access, and its redirects.
 */
#pragma once

#include "registry/access.hpp"
#include "registry/http.hpp"

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

namespace shifter::registry {

/** What to get. `path` is below /v2/<repository>/; without a repository it is /v2/ itself. */
struct Get {
    std::string repository;
    std::string path;
    std::string accept;
    std::optional<std::uint64_t> range_from;
    std::chrono::seconds total_timeout{0};
    /** Asks for the head alone. A redirect is an answer then: whoever may not read a blob is not shown the way to it.
     */
    bool head_only = false;
};

class Endpoint {
public:
    /** @throws Error when `url` cannot be used. Logins are sent to `url` alone. */
    Endpoint(Http & http, const std::string & url, const Location & location, Logins logins,
             const RegistryLimits & limits);

    /**
     * One try: authenticates as far as needed, and follows redirects (I28, I29): http(s) only, never from https to
     * http, only where address_rules allows, and without credentials once another origin is named.
     * @return an answer with status 200, 206 or 416, or a redirect where only the head was asked for
     * @throws FailedTry
     */
    [[nodiscard]] HttpResponse get(const Get & get, const BodySink & sink, const std::stop_token & stop);

    /** For messages. */
    [[nodiscard]] std::string host() const { return base_.authority(); }
    void prove_login() { access_.prove_login(); }
    [[nodiscard]] bool used_credentials() const { return access_.used_credentials(); }

private:
    [[nodiscard]] HttpResponse follow(HttpRequest request, HttpResponse response, const BodySink & sink,
                                      const std::stop_token & stop) const;

    Http & http_;
    Url base_;
    RegistryLimits limits_;
    Access access_;
};

} // namespace shifter::registry
