#include "api/http_worker.hpp"

#include "api/failure.hpp"
#include "api/http_reply.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <memory>
#include <random>
#include <span>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace shifter::api {
namespace {

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

int descriptor_of(MHD_Connection * connection) {
    const auto * info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == nullptr ? -1 : info->connect_fd;
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

void watch(int events, int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (::epoll_ctl(events, EPOLL_CTL_ADD, fd, &event) != 0) throw SysError{errno, "cannot watch a socket"};
}

} // namespace

struct HttpWorker::Arriving {
    Request request;
    bool begun = false;
    bool too_long = false;
};

HttpWorker::HttpWorker(const ServerLimits & limits, const HttpServer::Handler & handler, ConnectionCounts & counts)
    : limits_{limits}, handler_{handler}, counts_{counts}, events_{::epoll_create1(EPOLL_CLOEXEC)},
      wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (!events_ || !wake_) throw SysError{errno, "cannot start the HTTP service"};
    // What the library keeps of a request and its answer's headers. It writes all of it at each request, so this is
    // what an open connection costs in memory; what does not fit is refused in the library's words instead of ours.
    const std::size_t memory = limits.max_target_bytes + limits.max_header_bytes + (4U << 10U);
    daemon_ = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TURBO | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0, nullptr,
                               nullptr, &HttpWorker::answer, this, MHD_OPTION_EXTERNAL_LOGGER, &log_library_message,
                               nullptr, MHD_OPTION_CONNECTION_LIMIT, limits.max_connections + 1,
                               MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(limits.idle_timeout.count()),
                               MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                               MHD_OPTION_UNESCAPE_CALLBACK, &keep_escapes, nullptr, MHD_OPTION_URI_LOG_CALLBACK,
                               &HttpWorker::note_target, this, MHD_OPTION_NOTIFY_COMPLETED, &HttpWorker::finish, this,
                               MHD_OPTION_NOTIFY_CONNECTION, &HttpWorker::note_connection, this, MHD_OPTION_END);
    if (daemon_ == nullptr) throw Error{"cannot start the HTTP service; is the limit of memory or of files reached?"};
    try {
        watch(events_.get(), MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
        watch(events_.get(), wake_.get());
        thread_ = std::jthread{[this](const std::stop_token & stop) { run(stop); }};
    } catch (...) {
        MHD_stop_daemon(daemon_);
        throw;
    }
}

HttpWorker::~HttpWorker() {
    stop();
    thread_.join();
    MHD_stop_daemon(daemon_);
}

void HttpWorker::stop() {
    thread_.request_stop();
    (void)::eventfd_write(wake_.get(), 1);
}

void HttpWorker::take(Accepted accepted) {
    ++load_;
    const std::lock_guard lock{mutex_};
    taken_.push_back(std::move(accepted));
    if (taken_.size() == 1) (void)::eventfd_write(wake_.get(), 1);
}

void HttpWorker::run(const std::stop_token & stop) {
    constexpr std::chrono::seconds between_looks{1};
    auto last_look = Clock::now();
    while (!stop.stop_requested()) {
        is_busy_ = false;
        wait();
        is_busy_ = true;
        begin_those_taken();
        (void)MHD_run(daemon_);
        if (const auto now = Clock::now(); now - last_look >= between_looks) {
            last_look = now;
            end_slow_exchanges();
        }
    }
}

void HttpWorker::wait() {
    constexpr int most_ms = 1000;
    MHD_UNSIGNED_LONG_LONG timeout = most_ms;
    if (MHD_get_timeout(daemon_, &timeout) != MHD_YES || timeout > most_ms) timeout = most_ms;
    if (has_more_) timeout = 0;
    std::array<epoll_event, 2> events{};
    const int count = ::epoll_wait(events_.get(), events.data(), events.size(), static_cast<int>(timeout));
    eventfd_t ignored = 0;
    for (int i = 0; i < count; ++i)
        if (events.at(static_cast<std::size_t>(i)).data.fd == wake_.get()) (void)::eventfd_read(wake_.get(), &ignored);
}

/** A few at a time: the library takes memory for each, 32 KiB as a rule, and those that are answered give it to the
 * next. Of ten thousand at once it would all come fresh from the kernel, page by page. */
void HttpWorker::begin_those_taken() {
    constexpr std::size_t at_once = 16;
    std::array<Accepted, at_once> taken;
    std::size_t count = 0;
    {
        const std::lock_guard lock{mutex_};
        for (; count < at_once && !taken_.empty(); taken_.pop_front()) taken.at(count++) = std::move(taken_.front());
        has_more_ = !taken_.empty();
    }
    for (Accepted & each : std::span{taken}.first(count)) {
        const auto * name = reinterpret_cast<const sockaddr *>(&each.address); // as accept(2) has written it
        is_begun_ = false;
        if (MHD_add_connection(daemon_, each.fd.release(), name, each.length) == MHD_YES || is_begun_) continue;
        --load_;
        counts_.leave(client_address(*name));
    }
}

/** The library's own timeout begins anew with each byte; this one does not, so a trickle ends, too. */
void HttpWorker::end_slow_exchanges() {
    const auto oldest = Clock::now() - limits_.request_timeout;
    for (const auto & [fd, since] : last_progress_)
        if (since < oldest) (void)::shutdown(fd, SHUT_RDWR);
}

void * HttpWorker::note_target(void * self, const char * target, MHD_Connection * /*connection*/) {
    const auto & limits = static_cast<HttpWorker *>(self)->limits_;
    auto * arriving = new Arriving;
    arriving->request.target = std::string_view{target}.substr(0, limits.max_target_bytes);
    arriving->too_long = std::string_view{target}.size() > limits.max_target_bytes;
    return arriving;
}

MHD_Result HttpWorker::answer(void * self, MHD_Connection * connection, const char * /*url*/, const char * method,
                              const char * /*version*/, const char * upload, std::size_t * upload_bytes,
                              void ** context) {
    // The library is C: an exception must not pass through it.
    try {
        return static_cast<HttpWorker *>(self)->serve(connection, method, upload, upload_bytes,
                                                      *static_cast<Arriving *>(*context));
    } catch (const std::exception & error) {
        log::error(std::string{"event=dropped a connection: "} + error.what());
        return MHD_NO;
    }
}

MHD_Result HttpWorker::begin(MHD_Connection * connection, const char * method, Arriving & arriving) {
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
        return send_reply(
            connection, failure(status, sentence, std::string_view{request.target}.substr(0, request.target.find('?'))),
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

MHD_Result HttpWorker::serve(MHD_Connection * connection, const char * method, const char * upload,
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
        return send_reply(
            connection,
            failure(413, "the body has more than " + std::to_string(limits_.max_body_bytes) + " bytes", request.target),
            request.id);
    return send_reply(connection, handler_(request), request.id);
}

void HttpWorker::finish(void * self, MHD_Connection * connection, void ** context, MHD_RequestTerminationCode /*why*/) {
    delete static_cast<Arriving *>(*context);
    *context = nullptr;
    static_cast<HttpWorker *>(self)->last_progress_[descriptor_of(connection)] = Clock::now();
}

void HttpWorker::note_connection(void * self, MHD_Connection * connection, void ** /*context*/,
                                 MHD_ConnectionNotificationCode code) {
    auto & worker = *static_cast<HttpWorker *>(self);
    const int fd = descriptor_of(connection);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        worker.is_begun_ = true;
        worker.last_progress_[fd] = Clock::now();
        return;
    }
    // Called before the library closes the descriptor, so end_slow_exchanges() meets no number of another file.
    worker.last_progress_.erase(fd);
    ++worker.ended_;
    --worker.load_;
    const auto * info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    worker.counts_.leave(client_address(*info->client_addr));
}

} // namespace shifter::api
