/**
 * @file
 * HTTP over TCP: sockets in, requests out. The library behind it (libmicrohttpd) is known to http_worker and
 * http_reply.
 *
 * A client that is idle, slow, huge or malformed costs its own connection and nothing else (R16: each limit is a key of
 * imagemanager.json).
 */
#pragma once

#include "api/http.hpp"
#include "api/listening.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace shifter::api {

struct ServerLimits {
    std::size_t max_target_bytes = 4U << 10U; ///< path and query
    std::size_t max_header_bytes =
        24U << 10U; ///< all of them; MUNGE credentials with registry passwords are the largest
    std::size_t max_body_bytes = 256U << 10U;
    unsigned max_connections = 16'384;
    unsigned max_connections_per_address = 12'288;
    std::chrono::seconds idle_timeout{15}; ///< nothing arrives, nothing leaves
    std::chrono::seconds request_timeout{
        60};              ///< from the end of one exchange to the end of the next, whatever trickles
    unsigned threads = 0; ///< for each address; 0: two for each core, 2 to 8
};

class HttpServer {
public:
    /** Called from several threads at once. */
    using Handler = std::function<Response(const Request &)>;

    /** Serves from here on. */
    HttpServer(std::vector<ListeningSocket> sockets, const ServerLimits & limits, Handler handler);
    HttpServer(const std::vector<ListenAddress> & addresses, const ServerLimits & limits, Handler handler)
        : HttpServer{listen_on(addresses), limits, std::move(handler)} {}
    /** Waits for the handlers that run, and closes everything. */
    ~HttpServer();
    HttpServer(const HttpServer &) = delete;
    HttpServer & operator=(const HttpServer &) = delete;

    /** As asked for, with the real port where that was 0. */
    [[nodiscard]] const std::vector<ListenAddress> & addresses() const noexcept { return addresses_; }

private:
    class Listener;
    Handler handler_;
    std::vector<ListenAddress> addresses_;
    std::vector<std::unique_ptr<Listener>> listeners_;
};

} // namespace shifter::api
