// The server over real loopback sockets, on ports that the kernel picks.
#include "api/server.hpp"
#include "base/io.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>

using namespace shifter;
using namespace shifter::api;

namespace {

Response echo(const Request & request) {
    std::string body = request.method == Method::get ? "GET " : request.method == Method::post ? "POST " : "OTHER ";
    body += request.target + " " + std::string{request.header("authentication").value_or("none")} + " " + request.body;
    return {.status = 200, .body = "{\"echo\":\"" + body + "\"}"};
}

class Connection {
public:
    explicit Connection(const ListenAddress & address) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        union {
            sockaddr any;
            sockaddr_in v4;
        } name{};
        name.v4.sin_family = AF_INET;
        name.v4.sin_port = htons(address.port);
        (void)::inet_pton(AF_INET, address.host.c_str(), &name.v4.sin_addr);
        if (::connect(fd_.get(), &name.any, sizeof name.v4) != 0) throw SysError{errno, "cannot connect"};
        timeval limit{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    bool send(const std::string & text) const {
        return ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
    }
    /** All until the server closes; "timeout" at the end when it does not. */
    [[nodiscard]] std::string receive_all() const {
        std::string text;
        char bytes[4096];
        for (;;) {
            const ssize_t count = ::recv(fd_.get(), bytes, sizeof bytes, 0);
            if (count == 0) return text;
            if (count < 0) return text + (errno == ECONNRESET ? "" : "timeout");
            text.append(bytes, static_cast<std::size_t>(count));
        }
    }

    /** One answer of echo() on a connection that stays open. */
    [[nodiscard]] std::string receive_one() const {
        std::string text;
        char bytes[4096];
        while (text.find("\"}") == std::string::npos) {
            const ssize_t count = ::recv(fd_.get(), bytes, sizeof bytes, 0);
            if (count <= 0) return text + "cut";
            text.append(bytes, static_cast<std::size_t>(count));
        }
        return text;
    }

private:
    UniqueFd fd_;
};

std::string ask(const HttpServer & server, const std::string & request) {
    const Connection connection{server.addresses().front()};
    (void)connection.send(request);
    return connection.receive_all();
}

const std::vector<ListenAddress> loopback = {{.host = "127.0.0.1", .port = 0}};
const std::string closing = "Host: x\r\nConnection: close\r\n";

int status_in(const std::string & answer) { return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0; }

} // namespace

TEST_CASE("an answer has exactly the type application/json and its length (7.2)") {
    const HttpServer server{loopback, {}, echo};
    const std::string answer = ask(
        server, "GET /api/lookup/a/docker/x%2Fy%3A1/?q=%20 HTTP/1.1\r\nAuthentication: cred\r\n" + closing + "\r\n");
    INFO(answer);
    CHECK(status_in(answer) == 200);
    CHECK(answer.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
    CHECK(answer.find("\r\nContent-Length: 58\r\n") != std::string::npos);
    CHECK(answer.find("\r\n\r\n{\"echo\":\"GET /api/lookup/a/docker/x%2Fy%3A1/?q=%20 cred \"}") != std::string::npos);
}

TEST_CASE("bodies arrive whole, in one piece, in many, and chunked") {
    const HttpServer server{loopback, {}, echo};
    CHECK(ask(server, "POST /x HTTP/1.1\r\nContent-Length: 5\r\n" + closing + "\r\nhello").find("POST /x none hello") !=
          std::string::npos);
    CHECK(ask(server,
              "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + closing + "\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
              .find("POST /x none hello") != std::string::npos);
    const Connection slow{server.addresses().front()};
    for (const char c : "POST /x HTTP/1.1\r\nContent-Length: 5\r\n" + closing + "\r\nhello")
        (void)slow.send(std::string(1, c));
    CHECK(slow.receive_all().find("POST /x none hello") != std::string::npos);
}

TEST_CASE("requests that were sent ahead are answered in their order") {
    const HttpServer server{loopback, {}, echo};
    const std::string answer = ask(server, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\n" + closing + "\r\n");
    CHECK(answer.find("GET /1 none") < answer.find("GET /2 none"));
    CHECK(answer.find("GET /2 none") != std::string::npos);
}

TEST_CASE("HEAD gives the headers of GET, and no body") {
    const HttpServer server{loopback, {}, echo};
    const std::string answer = ask(server, "HEAD /x HTTP/1.1\r\n" + closing + "\r\n");
    CHECK(status_in(answer) == 200);
    CHECK(answer.find("Content-Length: ") != std::string::npos);
    CHECK(answer.substr(answer.size() - 4) == "\r\n\r\n");
}

TEST_CASE("an answer that is made piece by piece goes in chunks, and one that breaks is seen to be cut") {
    const bool breaks = GENERATE(false, true);
    const std::string piece(100'000, '#');
    const HttpServer server{loopback, {}, [&](const Request &) {
                                Response response{.body = "first"};
                                response.more = [&, left = 3]() mutable -> std::string {
                                    if (left == 1 && breaks) throw Error{"the disk is gone"};
                                    return left-- == 0 ? "" : piece;
                                };
                                return response;
                            }};
    const std::string answer = ask(server, "GET /x HTTP/1.1\r\n" + closing + "\r\n");
    CHECK(answer.find("\r\nTransfer-Encoding: chunked\r\n") != std::string::npos);
    CHECK(answer.find("Content-Length") == std::string::npos);
    CHECK((answer.size() > 5 && answer.substr(answer.size() - 5) == "0\r\n\r\n") == !breaks);
    const auto count = std::count(answer.begin(), answer.end(), '#');
    CHECK(count == (breaks ? 200'000 : 300'000));
    const std::string head = ask(server, "HEAD /x HTTP/1.1\r\n" + closing + "\r\n");
    CHECK(status_in(head) == 200);
    CHECK(head.find("first") == std::string::npos);
}

TEST_CASE("R16: paths, headers and bodies are taken up to their limit, and refused beyond it") {
    ServerLimits limits;
    limits.max_target_bytes = 300;
    limits.max_header_bytes = 1024;
    limits.max_body_bytes = 2048;
    const HttpServer server{loopback, limits, echo};
    const auto get = [&](std::size_t target) {
        return status_in(ask(server, "GET /" + std::string(target - 1, 'x') + " HTTP/1.1\r\n" + closing + "\r\n"));
    };
    CHECK(get(300) == 200);
    CHECK(get(301) == 414);
    CHECK(get(100'000) >= 400);
    // "Host: x" and "Connection: close" count 9 and 19 bytes, the name and the separators of the third 5.
    const auto header = [&](std::size_t total) {
        return status_in(
            ask(server, "GET / HTTP/1.1\r\nA: " + std::string(total - 33, 'y') + "\r\n" + closing + "\r\n"));
    };
    CHECK(header(1024) == 200);
    CHECK(header(1025) == 431);
    CHECK(header(100'000) >= 400);
    const auto post = [&](std::size_t size) {
        return status_in(ask(server, "POST / HTTP/1.1\r\nContent-Length: " + std::to_string(size) + "\r\n" + closing +
                                         "\r\n" + std::string(size, 'z')));
    };
    CHECK(post(2048) == 200);
    CHECK(post(2049) == 413);
    const auto chunked = [&](std::size_t size) {
        char length[20];
        (void)std::snprintf(length, sizeof length, "%zx", size);
        return status_in(ask(server, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + closing + "\r\n" + length +
                                         "\r\n" + std::string(size, 'z') + "\r\n0\r\n\r\n"));
    };
    CHECK(chunked(2048) == 200);
    CHECK(chunked(2049) == 413);
}

TEST_CASE("what is no HTTP is refused, and the next client is served") {
    const HttpServer server{loopback, {}, echo};
    for (const std::string & text :
         {std::string{"\0\0\0\0\r\n\r\n", 8}, std::string{"GET\r\n\r\n"},
          std::string{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"},
          std::string{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
          std::string{"GET / HTTP/1.1\r\n\r\n"}}) {
        const Connection connection{server.addresses().front()};
        (void)connection.send(text);
        const int status = status_in(connection.receive_all());
        CHECK((status == 0 || status >= 400));
    }
    CHECK(status_in(ask(server, "GET / HTTP/1.1\r\n" + closing + "\r\n")) == 200);
}

TEST_CASE("R16: a connection that is silent is closed after the idle timeout, and one that trickles after the request "
          "timeout") {
    ServerLimits limits;
    limits.idle_timeout = std::chrono::seconds{1};
    limits.request_timeout = std::chrono::seconds{2};
    const HttpServer server{loopback, limits, echo};
    const auto begin = std::chrono::steady_clock::now();
    const Connection silent{server.addresses().front()};
    (void)silent.send("GET / HT");
    CHECK(silent.receive_all().find("timeout") == std::string::npos);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{5});
    const Connection trickle{server.addresses().front()};
    bool open = trickle.send("GET /");
    int sent = 0;
    for (; open && sent < 100; ++sent) {
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
        open = trickle.send("x");
    }
    CHECK(sent > 10);
    CHECK(sent < 60);
}

TEST_CASE("R16: more connections than the limit wait outside or are closed, and those inside are served") {
    ServerLimits limits;
    limits.max_connections_per_address = 3;
    const HttpServer server{loopback, limits, echo};
    std::vector<std::unique_ptr<Connection>> held;
    for (int i = 0; i < 3; ++i) held.push_back(std::make_unique<Connection>(server.addresses().front()));
    for (const auto & each : held) {
        (void)each->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        REQUIRE(status_in(each->receive_one()) == 200); // so all of them are in
    }
    const Connection fourth{server.addresses().front()};
    (void)fourth.send("GET / HTTP/1.1\r\n" + closing + "\r\n");
    CHECK(status_in(fourth.receive_all()) == 0);
    for (const auto & each : held) {
        (void)each->send("GET / HTTP/1.1\r\n" + closing + "\r\n");
        CHECK(status_in(each->receive_all()) == 200);
    }
    CHECK(status_in(ask(server, "GET / HTTP/1.1\r\n" + closing + "\r\n")) == 200);
}

TEST_CASE("R16: as many connections as the limit says are served at once, whichever thread has them, and no more") {
    constexpr unsigned most = 40;
    ServerLimits limits;
    limits.max_connections = most;
    limits.threads = 4;
    const HttpServer server{loopback, limits, echo};
    std::vector<std::unique_ptr<Connection>> held;
    for (unsigned i = 0; i < most; ++i) held.push_back(std::make_unique<Connection>(server.addresses().front()));
    for (const auto & each : held) {
        (void)each->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        REQUIRE(status_in(each->receive_one()) == 200); // so all of them are in
    }
    const Connection another{server.addresses().front()};
    (void)another.send("GET / HTTP/1.1\r\n" + closing + "\r\n");
    CHECK(another.receive_all().empty()); // closed at once, and not left waiting for a thread
    for (const auto & each : held) {
        (void)each->send("GET / HTTP/1.1\r\n" + closing + "\r\n");
        CHECK(status_in(each->receive_all()) == 200);
    }
    CHECK(status_in(ask(server, "GET / HTTP/1.1\r\n" + closing + "\r\n")) == 200);
}

TEST_CASE("a handler that throws costs its connection alone") {
    const HttpServer server{loopback, {}, [](const Request & request) -> Response {
                                if (request.target == "/throw") throw Error{"broken"};
                                return {.body = "{}"};
                            }};
    CHECK(status_in(ask(server, "GET /throw HTTP/1.1\r\n" + closing + "\r\n")) == 0);
    CHECK(status_in(ask(server, "GET / HTTP/1.1\r\n" + closing + "\r\n")) == 200);
}

TEST_CASE("an address that is taken is said to be") {
    const HttpServer server{loopback, {}, echo};
    const std::string address = server.addresses().front().to_string();
    CHECK_THROWS_WITH((HttpServer{server.addresses(), {}, echo}),
                      "cannot listen on " + address + ": Address already in use");
}

TEST_CASE("one service listens on several addresses, IPv6 among them") {
    const HttpServer server{{{.host = "127.0.0.1", .port = 0}, {.host = "::1", .port = 0}}, {}, echo};
    REQUIRE(server.addresses().size() == 2);
    CHECK(server.addresses()[0].port != 0);
    CHECK(server.addresses()[1].port != 0);
    CHECK(status_in(ask(server, "GET / HTTP/1.1\r\n" + closing + "\r\n")) == 200);
}

TEST_CASE("requests that came while the only thread was busy are answered when it is free, however many they are") {
    // The library takes 128 events at once: with just as many, its own loop waits for one more before it looks at them.
    const int count = GENERATE(1, 127, 128, 129, 256);
    ServerLimits limits;
    limits.threads = 1;
    std::promise<void> entered, freed;
    const HttpServer server{loopback, limits, [&](const Request & request) {
                                if (request.target == "/wait") {
                                    entered.set_value();
                                    freed.get_future().wait();
                                }
                                return echo(request);
                            }};
    std::vector<std::unique_ptr<Connection>> clients;
    for (int i = 0; i < count; ++i) {
        clients.push_back(std::make_unique<Connection>(server.addresses().front()));
        (void)clients.back()->send("GET /first HTTP/1.1\r\nHost: x\r\n\r\n");
        REQUIRE(status_in(clients.back()->receive_one()) == 200);
    }
    const Connection busy{server.addresses().front()};
    (void)busy.send("GET /wait HTTP/1.1\r\n" + closing + "\r\n");
    entered.get_future().wait();
    for (const auto & client : clients) (void)client->send("GET /second HTTP/1.1\r\n" + closing + "\r\n");
    freed.set_value();
    int answered = status_in(busy.receive_all()) == 200 ? 1 : 0;
    for (const auto & client : clients) answered += status_in(client->receive_all()) == 200 ? 1 : 0;
    CHECK(answered == count + 1);
}

TEST_CASE("many clients at once are all served, each with an id of its own") {
    std::atomic<int> served{0};
    const HttpServer server{loopback, {}, [&](const Request & request) {
                                ++served;
                                return Response{.body = "{\"id\":\"" + request.id + "\"}"};
                            }};
    std::atomic<int> good{0};
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i)
        clients.emplace_back([&] {
            for (int j = 0; j < 25; ++j)
                good += status_in(ask(server, "GET / HTTP/1.1\r\n" + closing + "\r\n")) == 200 ? 1 : 0;
        });
    clients.clear();
    CHECK(good == 200);
    CHECK(served == 200);
}
