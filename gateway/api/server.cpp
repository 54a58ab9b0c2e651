#include "api/server.hpp"

#include "api/connection_counts.hpp"
#include "api/http_worker.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <malloc.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace shifter::api {
namespace {

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

ServerLimits with_what_can_be_had(ServerLimits limits) {
    limits.max_connections = affordable_connections(limits.max_connections);
    if (limits.threads == 0) limits.threads = std::clamp(2 * std::thread::hardware_concurrency(), 2U, 8U);
    return limits;
}

} // namespace

/** One address: a socket, the thread that accepts, and those that serve. */
class HttpServer::Listener {
public:
    Listener(UniqueFd socket, const ServerLimits & limits, const Handler & handler);
    ~Listener();
    Listener(const Listener &) = delete;
    Listener & operator=(const Listener &) = delete;

private:
    void run(const std::stop_token & stop);
    [[nodiscard]] int accept_all(const std::stop_token & stop);
    [[nodiscard]] HttpWorker & who_has_time() const;
    void give_memory_back();

    const ServerLimits limits_;
    UniqueFd socket_;
    UniqueFd wake_; ///< eventfd
    ConnectionCounts counts_;
    unsigned ended_ = 0; ///< connections, since memory was given back
    std::vector<std::unique_ptr<HttpWorker>> workers_;
    std::jthread thread_;
};

HttpServer::Listener::Listener(UniqueFd socket, const ServerLimits & limits, const Handler & handler)
    : limits_{with_what_can_be_had(limits)}, socket_{std::move(socket)},
      wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}, counts_{limits_.max_connections,
                                                               limits_.max_connections_per_address} {
    if (!wake_) throw SysError{errno, "cannot start the HTTP service"};
    for (unsigned i = 0; i < limits_.threads; ++i)
        workers_.push_back(std::make_unique<HttpWorker>(limits_, handler, counts_));
    thread_ = std::jthread{[this](const std::stop_token & stop) { run(stop); }};
}

HttpServer::Listener::~Listener() {
    thread_.request_stop();
    (void)::eventfd_write(wake_.get(), 1);
    thread_.join();
    for (const auto & worker : workers_) worker->stop(); // all of them, before the first is waited for
}

void HttpServer::Listener::run(const std::stop_token & stop) {
    constexpr int tick_ms = 1000;
    auto last_tick = std::chrono::steady_clock::now();
    bool has_room = true;
    while (!stop.stop_requested()) {
        std::array<pollfd, 2> events{pollfd{wake_.get(), POLLIN, 0}, pollfd{socket_.get(), POLLIN, 0}};
        (void)::poll(events.data(), has_room ? 2 : 1, tick_ms);
        if (const auto now = std::chrono::steady_clock::now(); now - last_tick >= std::chrono::milliseconds{tick_ms}) {
            last_tick = now;
            has_room = true;
            give_memory_back();
        }
        const int error = has_room ? accept_all(stop) : 0;
        if (error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM) continue;
        log::warning("event=limited no new connections for a second: " + describe_errno(error));
        has_room = false;
    }
}

/** @return why there are no more: EAGAIN when nobody waits outside */
int HttpServer::Listener::accept_all(const std::stop_token & stop) {
    while (!stop.stop_requested()) {
        union {
            sockaddr any;
            sockaddr_storage all;
        } address{};
        socklen_t length = sizeof address;
        UniqueFd fd{::accept4(socket_.get(), &address.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (!fd && (errno == ECONNABORTED || errno == EINTR)) continue; // that client is gone
        if (!fd) return errno;
        if (counts_.enter(client_address(address.any))) who_has_time().take({std::move(fd), address.all, length});
    }
    return 0;
}

/** The one with the fewest connections; one that waits for something to do comes before all that are at work. */
HttpWorker & HttpServer::Listener::who_has_time() const {
    return **std::min_element(workers_.begin(), workers_.end(), [](const auto & left, const auto & right) {
        return std::pair{left->is_busy(), left->load()} < std::pair{right->is_busy(), right->load()};
    });
}

/** The allocator keeps what thousands of connections had, and does not use all of it for the next thousands. */
void HttpServer::Listener::give_memory_back() {
    constexpr unsigned few = 100, many = 1000;
    for (const auto & worker : workers_) ended_ += worker->take_ended();
    if (ended_ < many || counts_.open() > few) return;
    ended_ = 0;
    (void)::malloc_trim(0);
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
