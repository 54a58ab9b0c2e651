// Many callers at once: `decode` lets munged alone decode as many credentials as `lookup` sends to a gateway.
//
// usage: bench_lookups decode COUNT THREADS SOCKET
//        bench_lookups lookup COUNT SOCKET PORT PATH      (each on a connection of its own, all at the same time)
// Prints one line: seconds, good answers, bad answers; and why the bad ones were bad, on standard error. Credentials are made
// before the clock starts.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <munge.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void give_up(const char * what) {
    std::perror(what);
    std::exit(1);
}

munge_ctx_t context_for(const char * socket) {
    munge_ctx_t context = munge_ctx_create();
    if (context == nullptr || munge_ctx_set(context, MUNGE_OPT_SOCKET, socket) != EMUNGE_SUCCESS)
        give_up("munge context");
    return context;
}

std::vector<std::string> make_credentials(std::size_t count, const char * socket) {
    munge_ctx_t context = context_for(socket);
    std::vector<std::string> credentials;
    for (std::size_t i = 0; i < count; ++i) {
        char * text = nullptr;
        if (munge_encode(&text, context, nullptr, 0) != EMUNGE_SUCCESS) give_up("munge_encode");
        credentials.emplace_back(text);
        std::free(text);
    }
    munge_ctx_destroy(context);
    return credentials;
}

void report(Clock::time_point begin, std::size_t good, std::size_t bad) {
    const std::chrono::duration<double> took = Clock::now() - begin;
    std::printf("%.4f %zu %zu\n", took.count(), good, bad);
}

void decode(std::size_t count, unsigned threads, const char * socket) {
    const auto credentials = make_credentials(count, socket);
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> good{0};
    const auto begin = Clock::now();
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < threads; ++i)
        workers.emplace_back([&] {
            munge_ctx_t context = context_for(socket);
            for (std::size_t mine = 0; (mine = next.fetch_add(1)) < count;)
                if (munge_decode(credentials[mine].c_str(), context, nullptr, nullptr, nullptr, nullptr) ==
                    EMUNGE_SUCCESS)
                    ++good;
            munge_ctx_destroy(context);
        });
    workers.clear();
    report(begin, good, count - good);
}

struct Caller {
    int fd = -1;
    std::string request;
    std::size_t sent = 0;
    std::string answer;
};

/** What the socket takes now. */
void send_on(Caller & caller) {
    while (caller.sent < caller.request.size()) {
        const ssize_t wrote =
            ::send(caller.fd, caller.request.data() + caller.sent, caller.request.size() - caller.sent, MSG_NOSIGNAL);
        if (wrote <= 0) return;
        caller.sent += static_cast<std::size_t>(wrote);
    }
}

/** Whether headers and body are all there. */
bool is_whole(const std::string & answer) {
    const std::size_t end = answer.find("\r\n\r\n");
    const std::size_t length = answer.find("Content-Length: ");
    if (end == std::string::npos || length == std::string::npos || length > end) return false;
    return answer.size() >= end + 4 + std::strtoul(answer.c_str() + length + 16, nullptr, 10);
}

void look_up(std::size_t count, const char * socket_path, unsigned port, const std::string & path) {
    const auto credentials = make_credentials(count, socket_path);
    rlimit files{};
    (void)::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(port));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<Caller> callers(count);
    std::size_t good = 0;
    std::size_t bad = 0;
    const auto begin = Clock::now();
    std::map<std::string, std::size_t> reasons;
    const auto end = [&](Caller & caller, bool is_good, const std::string & reason) {
        ::close(caller.fd);
        caller.fd = -1;
        ++(is_good ? good : bad);
        if (!is_good) ++reasons[reason];
    };
    for (std::size_t i = 0; i < count; ++i) {
        Caller & caller = callers[i];
        caller.request = "GET " + path + " HTTP/1.1\r\nHost: gateway\r\nauthentication: " + credentials[i] + "\r\n\r\n";
        caller.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (caller.fd < 0) give_up("socket");
        // Nodes have addresses of their own; one address would run out of ports after a few rounds.
        const int late = 1;
        (void)::setsockopt(caller.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
        union {
            sockaddr any;
            sockaddr_in v4;
        } own{};
        own.v4.sin_family = AF_INET;
        own.v4.sin_addr.s_addr = htonl(0x7f010001U + static_cast<std::uint32_t>(i % 16'384));
        if (::bind(caller.fd, &own.any, sizeof own.v4) != 0) give_up("bind");
        union {
            sockaddr any;
            sockaddr_in v4;
        } address{};
        address.v4 = name;
        if (::connect(caller.fd, &address.any, sizeof address.v4) != 0 && errno != EINPROGRESS) {
            end(caller, false, std::string{"connect: "} + std::strerror(errno));
            continue;
        }
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.u64 = i;
        if (::epoll_ctl(poll, EPOLL_CTL_ADD, caller.fd, &event) != 0) give_up("epoll_ctl");
        send_on(caller); // a node does not wait for the others to be connected
    }
    std::vector<epoll_event> events(1024);
    while (good + bad < count) {
        const int ready = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 30'000);
        if (ready <= 0) break; // those that are left have no answer
        for (int n = 0; n < ready; ++n) {
            Caller & caller = callers[events[static_cast<std::size_t>(n)].data.u64];
            if (caller.fd < 0) continue;
            send_on(caller);
            char bytes[16'384];
            ssize_t got = 0;
            while ((got = ::recv(caller.fd, bytes, sizeof bytes, 0)) > 0)
                caller.answer.append(bytes, static_cast<std::size_t>(got));
            if (is_whole(caller.answer))
                end(caller, caller.answer.compare(0, 12, "HTTP/1.1 200") == 0, caller.answer);
            else if (got == 0 || (got < 0 && errno != EAGAIN && errno != ENOTCONN))
                end(caller, false, got == 0 ? "closed after " + std::to_string(caller.sent) + " bytes" : std::strerror(errno));
        }
    }
    report(begin, good, count - good);
    for (const auto & [reason, times] : reasons) std::fprintf(stderr, "%zu times: %s\n", times, reason.c_str());
    if (good + bad < count) std::fprintf(stderr, "%zu without an answer\n", count - good - bad);
}

} // namespace

int main(int argc, char ** argv) {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "decode" && argc == 5)
        decode(std::strtoul(argv[2], nullptr, 10), static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)), argv[4]);
    else if (mode == "lookup" && argc == 6)
        look_up(std::strtoul(argv[2], nullptr, 10), argv[3], static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10)),
                argv[5]);
    else
        return std::fputs("usage: bench_lookups decode COUNT THREADS SOCKET | lookup COUNT SOCKET PORT PATH\n", stderr),
               1;
    return 0;
}
