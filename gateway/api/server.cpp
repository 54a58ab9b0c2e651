#include "api/server.hpp"

#include "api/failure.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdarg>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>

#include <arpa/inet.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <microhttpd.h>

namespace shifter::api {
namespace {

using Clock = std::chrono::steady_clock;

/** What one request has brought so far. */
struct Arriving {
    Request request;
    bool begun = false;
    bool too_long = false;
};

/** Short, unlike those of an earlier start, and cheap: log lines of one request are found by it. */
std::string next_request_id() {
    static const std::uint32_t start = std::random_device{}();
    static std::atomic<std::uint32_t> count{0};
    std::array<char, 20> text{};
    (void)std::snprintf(text.data(), text.size(), "%08x-%x", start, count.fetch_add(1, std::memory_order_relaxed));
    return text.data();
}

std::string describe_peer(MHD_Connection * connection) {
    const auto * info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == nullptr || info->client_addr == nullptr) return "unknown";
    const socklen_t length = info->client_addr->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    std::array<char, NI_MAXHOST> host{};
    if (::getnameinfo(info->client_addr, length, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0)
        return "unknown";
    return host.data();
}

union SocketAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

/** A listening socket of our own: the library's messages do not say which address could not be had, and why. */
UniqueFd listen_at(ListenAddress & address) {
    SocketAddress name{};
    socklen_t length = 0;
    if (address.is_ipv6()) {
        name.v6.sin6_family = AF_INET6;
        name.v6.sin6_port = htons(address.port);
        (void)::inet_pton(AF_INET6, address.host.c_str(), &name.v6.sin6_addr);
        length = sizeof name.v6;
    } else {
        name.v4.sin_family = AF_INET;
        name.v4.sin_port = htons(address.port);
        (void)::inet_pton(AF_INET, address.host.c_str(), &name.v4.sin_addr);
        length = sizeof name.v4;
    }
    const std::string what = "cannot listen on " + address.to_string();
    UniqueFd fd{::socket(name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) throw SysError{errno, what};
    const int on = 1;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) throw SysError{errno, what};
    if (address.is_ipv6() && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        throw SysError{errno, what};
    if (::bind(fd.get(), &name.any, length) != 0) throw SysError{errno, what};
    // A job start brings thousands of connections at once; the kernel cuts this to net.core.somaxconn.
    if (::listen(fd.get(), 16'384) != 0) throw SysError{errno, what};
    if (::getsockname(fd.get(), &name.any, &length) != 0) throw SysError{errno, what};
    address.port = ntohs(address.is_ipv6() ? name.v6.sin6_port : name.v4.sin_port);
    return fd;
}

/** As many connections as descriptors allow, with some left for files, registries and the catalog. */
unsigned affordable_connections(unsigned wanted) {
    constexpr rlim_t reserve = 256;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted + reserve) return wanted;
    const auto affordable =
        static_cast<unsigned>(limit.rlim_cur > 2 * reserve ? limit.rlim_cur - reserve : limit.rlim_cur / 2);
    log::warning("event=limited at most " + std::to_string(affordable) + " connections, not " + std::to_string(wanted) +
                 ": the limit of open files is " + std::to_string(limit.rlim_cur));
    return affordable;
}

void log_library_message(void * /*closure*/, const char * format, va_list arguments) {
    std::array<char, 512> text{};
    (void)std::vsnprintf(text.data(), text.size(), format, arguments);
    log::debug("http: " + std::string{text::trim(text.data())});
}

/** Paths stay as they came: decoding belongs to the router, which must see %2F as it is. */
std::size_t keep_escapes(void * /*closure*/, MHD_Connection * /*connection*/, char * text) {
    return std::string_view{text}.size();
}

} // namespace

/** One address: a socket, the library's threads, and the watch over exchanges that take too long. */
class HttpServer::Listener {
public:
    Listener(UniqueFd socket, const ServerLimits & limits, const Handler & handler);
    ~Listener();
    Listener(const Listener &) = delete;
    Listener & operator=(const Listener &) = delete;

private:
    static void * note_target(void * self, const char * target, MHD_Connection * connection);
    static MHD_Result answer(void * self, MHD_Connection * connection, const char * url, const char * method,
                             const char * version, const char * upload, std::size_t * upload_bytes, void ** context);
    static void finish(void * self, MHD_Connection * connection, void ** context, MHD_RequestTerminationCode why);
    static void note_connection(void * self, MHD_Connection * connection, void ** context,
                                MHD_ConnectionNotificationCode code);
    [[nodiscard]] MHD_Result serve(MHD_Connection * connection, const char * method, const char * upload,
                                   std::size_t * upload_bytes, Arriving & arriving);
    [[nodiscard]] MHD_Result begin(MHD_Connection * connection, const char * method, Arriving & arriving);
    static MHD_Result may_come(void * self, const sockaddr * address, socklen_t length);
    void restart_clock(MHD_Connection * connection);
    void give_memory_back();
    void watch(const std::stop_token & stop);

    ServerLimits limits_;
    const Handler & handler_;
    unsigned most_connections_ = 0;
    std::atomic<unsigned> open_{0}; ///< connections
    std::atomic<unsigned> ended_{0}; ///< connections, since memory was given back
    std::atomic<bool> is_full_{false};
    MHD_Daemon * daemon_ = nullptr;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::unordered_map<int, Clock::time_point> last_progress_; ///< by descriptor, while the connection is open
    std::jthread watcher_;
};

namespace {

int descriptor_of(MHD_Connection * connection) {
    const auto * info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == nullptr ? -1 : info->connect_fd;
}

/** A body on its way that is made while it is sent. */
struct Parts {
    std::string text;
    std::function<std::string()> more;
    std::string request_id;
    std::size_t sent = 0; ///< of text
};

ssize_t next_part(void * context, std::uint64_t /*position*/, char * buffer, std::size_t most) noexcept {
    auto & parts = *static_cast<Parts *>(context);
    try {
        if (parts.sent == parts.text.size()) {
            parts.text = parts.more();
            parts.sent = 0;
        }
        if (parts.text.empty()) return MHD_CONTENT_READER_END_OF_STREAM;
        const std::size_t size = parts.text.copy(buffer, most, parts.sent);
        parts.sent += size;
        return static_cast<ssize_t>(size);
    } catch (const std::exception & error) {
        log::error("request=" + parts.request_id + " event=cut reason=" + quoted(log::one_line(error.what())));
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
}

MHD_Response * whole_reply(std::string && text) {
    auto body = std::make_unique<std::string>(std::move(text));
    MHD_Response * reply = MHD_create_response_from_buffer_with_free_callback_cls(
        body->size(), body->data(), [](void * of) { delete static_cast<std::string *>(of); }, body.get());
    if (reply != nullptr) (void)body.release();
    return reply;
}

MHD_Response * reply_in_parts(Response && response, const std::string & request_id) {
    constexpr std::size_t block_bytes = std::size_t{64} << 10U;
    auto parts = std::make_unique<Parts>(Parts{std::move(response.body), std::move(response.more), request_id});
    MHD_Response * reply = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, block_bytes, &next_part, parts.get(),
                                                             [](void * of) { delete static_cast<Parts *>(of); });
    if (reply != nullptr) (void)parts.release();
    return reply;
}

MHD_Result send(MHD_Connection * connection, Response response, const std::string & request_id) {
    MHD_Response * reply =
        response.more ? reply_in_parts(std::move(response), request_id) : whole_reply(std::move(response.body));
    if (reply == nullptr) return MHD_NO;
    (void)MHD_add_response_header(reply, "Content-Type", response.content_type);
    (void)MHD_add_response_header(reply, "X-Request-Id", request_id.c_str());
    for (const auto & [name, value] : response.headers)
        (void)MHD_add_response_header(reply, name.c_str(), value.c_str());
    const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(response.status), reply);
    MHD_destroy_response(reply);
    return queued;
}

} // namespace

HttpServer::Listener::Listener(UniqueFd socket, const ServerLimits & limits, const Handler & handler)
    : limits_{limits}, handler_{handler} {
    unsigned threads =
        limits.threads != 0 ? limits.threads : std::clamp(2 * std::thread::hardware_concurrency(), 2U, 8U);
    threads = std::max(threads, 1U);
    most_connections_ = affordable_connections(limits.max_connections);
    // What the library keeps of a request and its answer's headers. It writes all of it at each request, so this is
    // what an open connection costs in memory; what does not fit is refused in the library's words instead of ours.
    const std::size_t memory = limits.max_target_bytes + limits.max_header_bytes + (4U << 10U);
    // The library gives each thread its part of the limit, and a thread that has reached it sleeps, whatever its
    // connections bring, until one of them is idle for too long. So each may have all, and may_come() holds the limit.
    daemon_ = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_USE_ITC, 0, &Listener::may_come, this,
        &Listener::answer, this, MHD_OPTION_EXTERNAL_LOGGER, &log_library_message, nullptr, MHD_OPTION_LISTEN_SOCKET,
        socket.get(), MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT,
        (most_connections_ + 1) * threads, MHD_OPTION_PER_IP_CONNECTION_LIMIT, limits.max_connections_per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(limits.idle_timeout.count()),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
        &keep_escapes, nullptr, MHD_OPTION_URI_LOG_CALLBACK, &Listener::note_target, this, MHD_OPTION_NOTIFY_COMPLETED,
        &Listener::finish, this, MHD_OPTION_NOTIFY_CONNECTION, &Listener::note_connection, this, MHD_OPTION_END);
    if (daemon_ == nullptr) throw Error{"cannot start the HTTP service; is the limit of threads or of memory reached?"};
    (void)socket.release(); // the daemon closes it
    watcher_ = std::jthread{[this](const std::stop_token & stop) { watch(stop); }};
}

HttpServer::Listener::~Listener() { MHD_stop_daemon(daemon_); }

void * HttpServer::Listener::note_target(void * self, const char * target, MHD_Connection * /*connection*/) {
    const auto & limits = static_cast<Listener *>(self)->limits_;
    auto * arriving = new Arriving;
    arriving->request.target = std::string_view{target}.substr(0, limits.max_target_bytes);
    arriving->too_long = std::string_view{target}.size() > limits.max_target_bytes;
    return arriving;
}

MHD_Result HttpServer::Listener::answer(void * self, MHD_Connection * connection, const char * /*url*/,
                                        const char * method, const char * /*version*/, const char * upload,
                                        std::size_t * upload_bytes, void ** context) {
    // The library is C: an exception must not pass through it.
    try {
        return static_cast<Listener *>(self)->serve(connection, method, upload, upload_bytes,
                                                    *static_cast<Arriving *>(*context));
    } catch (const std::exception & error) {
        log::error(std::string{"event=dropped a connection: "} + error.what());
        return MHD_NO;
    }
}

MHD_Result HttpServer::Listener::begin(MHD_Connection * connection, const char * method, Arriving & arriving) {
    arriving.begun = true;
    Request & request = arriving.request;
    request.id = next_request_id();
    request.peer = describe_peer(connection);
    const std::string_view verb = method;
    request.method = verb == "GET" || verb == "HEAD" ? Method::get : verb == "POST" ? Method::post : Method::other;
    MHD_get_connection_values(
        connection, MHD_HEADER_KIND,
        [](void * list, MHD_ValueKind, const char * name, const char * value) {
            static_cast<Request *>(list)->headers.emplace_back(text::to_lower(name), value == nullptr ? "" : value);
            return MHD_YES;
        },
        &request);

    const auto refuse = [&](int status, const std::string & sentence) {
        return send(connection,
                    failure(status, sentence, std::string_view{request.target}.substr(0, request.target.find('?'))),
                    request.id);
    };
    if (arriving.too_long)
        return refuse(414, "the path is longer than " + std::to_string(limits_.max_target_bytes) + " bytes");
    std::size_t header_bytes = 0;
    for (const auto & [name, value] : request.headers) header_bytes += name.size() + value.size() + 4;
    if (header_bytes > limits_.max_header_bytes)
        return refuse(431, "the headers have more than " + std::to_string(limits_.max_header_bytes) + " bytes");
    const auto length = request.header("content-length");
    if (length && text::parse_unsigned<std::uint64_t>(*length).value_or(UINT64_MAX) > limits_.max_body_bytes)
        return refuse(413, "the body has more than " + std::to_string(limits_.max_body_bytes) + " bytes");
    return MHD_YES;
}

MHD_Result HttpServer::Listener::serve(MHD_Connection * connection, const char * method, const char * upload,
                                       std::size_t * upload_bytes, Arriving & arriving) {
    if (!arriving.begun) return begin(connection, method, arriving);
    Request & request = arriving.request;
    if (*upload_bytes > 0) {
        // A chunked body has no length that begin() could have refused: what is too much is dropped, and then refused.
        const std::size_t room = limits_.max_body_bytes + 1 - std::min(request.body.size(), limits_.max_body_bytes + 1);
        request.body.append(upload, std::min(room, *upload_bytes));
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (request.body.size() > limits_.max_body_bytes)
        return send(
            connection,
            failure(413, "the body has more than " + std::to_string(limits_.max_body_bytes) + " bytes", request.target),
            request.id);
    return send(connection, handler_(request), request.id);
}

void HttpServer::Listener::finish(void * self, MHD_Connection * connection, void ** context,
                                  MHD_RequestTerminationCode /*why*/) {
    delete static_cast<Arriving *>(*context);
    *context = nullptr;
    static_cast<Listener *>(self)->restart_clock(connection);
}

void HttpServer::Listener::note_connection(void * self, MHD_Connection * connection, void ** /*context*/,
                                           MHD_ConnectionNotificationCode code) {
    auto & listener = *static_cast<Listener *>(self);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        ++listener.open_;
        return listener.restart_clock(connection);
    }
    ++listener.ended_;
    if (--listener.open_ < listener.most_connections_ / 2) listener.is_full_ = false;
    // Called before the library closes the descriptor, so watch() can never meet a number that means another file.
    const std::lock_guard lock{listener.mutex_};
    listener.last_progress_.erase(descriptor_of(connection));
}

MHD_Result HttpServer::Listener::may_come(void * self, const sockaddr * /*address*/, socklen_t /*length*/) {
    auto & listener = *static_cast<Listener *>(self);
    if (listener.open_ < listener.most_connections_) return MHD_YES;
    if (!listener.is_full_.exchange(true))
        log::warning("event=limited new connections are closed: " + std::to_string(listener.most_connections_) +
                     " are open");
    return MHD_NO;
}

void HttpServer::Listener::restart_clock(MHD_Connection * connection) {
    const std::lock_guard lock{mutex_};
    last_progress_[descriptor_of(connection)] = Clock::now();
}

/** The allocator keeps what thousands of connections had, and does not use all of it for the next thousands. */
void HttpServer::Listener::give_memory_back() {
    constexpr unsigned few = 100, many = 1000;
    if (ended_ < many || open_ > few) return;
    ended_ = 0;
    (void)::malloc_trim(0);
}

/** The library's own timeout begins anew with each byte; this one does not, so a trickle ends, too. */
void HttpServer::Listener::watch(const std::stop_token & stop) {
    std::unique_lock lock{mutex_};
    while (!stop.stop_requested()) {
        (void)wake_.wait_for(lock, stop, std::chrono::seconds{1}, [] { return false; });
        const auto oldest = Clock::now() - limits_.request_timeout;
        for (const auto & [fd, since] : last_progress_)
            if (since < oldest) (void)::shutdown(fd, SHUT_RDWR);
        lock.unlock();
        give_memory_back();
        lock.lock();
    }
}

std::vector<ListeningSocket> listen_on(const std::vector<ListenAddress> & addresses) {
    std::vector<ListeningSocket> sockets;
    for (ListenAddress address : addresses) {
        UniqueFd fd = listen_at(address);
        sockets.push_back({std::move(address), std::move(fd)});
    }
    return sockets;
}

HttpServer::HttpServer(std::vector<ListeningSocket> sockets, const ServerLimits & limits, Handler handler)
    : handler_{std::move(handler)} {
    for (ListeningSocket & socket : sockets) {
        addresses_.push_back(std::move(socket.address));
        listeners_.push_back(std::make_unique<Listener>(std::move(socket.fd), limits, handler_));
    }
}

HttpServer::~HttpServer() = default;

} // namespace shifter::api
