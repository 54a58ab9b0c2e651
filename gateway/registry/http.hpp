/**
 * @file
 * One HTTP exchange, by libcurl: no redirects, no authentication, no second try. Connections are kept and used again.
 */
#pragma once

#include "registry/address_rules.hpp"
#include "registry/retry_policy.hpp"
#include "registry/secret.hpp"
#include "registry/url.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shifter::registry {

struct HttpRequest {
    Url url;
    std::string accept;
    Secret authorization;                    ///< the header's value; empty: none is sent
    std::optional<std::uint64_t> range_from; ///< asks for the bytes from here on
    std::chrono::seconds total_timeout{0};   ///< 0: only stalls count
    bool head_only = false;                  ///< asks for the head of the answer alone
    /** Set when the answer of a registry with this reach named the URL: then the address must be one it may lead to. */
    std::optional<Reach> led_by;
};

struct HttpResponse {
    long status = 0;
    std::vector<std::pair<std::string, std::string>> headers; ///< names in lower case
    Reach reach = Reach::world;                               ///< of the address that answered

    /** The first of that name, which is in lower case; nothing when there is none. */
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpSettings {
    std::string ca_file;
    std::string proxy;
    RegistryLimits limits;
    std::optional<Url> certificate_for{}; ///< the one origin that is shown a client certificate, if there is one
    std::string certificate_file{};
    std::string key_file{};
};

/** Takes the body of an answer with status 200 or 206, piece by piece; may block, and may throw to end the exchange. */
using BodySink = std::function<void(const HttpResponse & head, std::span<const std::byte>)>;

/** Thread-safe: each exchange has a connection of its own while it lasts. */
class Http {
public:
    explicit Http(HttpSettings settings);
    ~Http();
    Http(const Http &) = delete;
    Http & operator=(const Http &) = delete;

    /**
     * The bodies of other answers are read and dropped. Stops within a second of `stop`.
     * @throws FailedTry     when no whole answer arrived; the sentence names the host
     * @throws RegistryError Cause::stopped
     */
    [[nodiscard]] HttpResponse exchange(const HttpRequest & request, const BodySink & sink,
                                        const std::stop_token & stop);

private:
    class Connection;
    class Lease;
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace shifter::registry
