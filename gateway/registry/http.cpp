#include "registry/http.hpp"

#include "base/installed_paths.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "registry/proxies.hpp"
#include "registry/stall_watch.hpp"

#include <curl/curl.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <exception>
#include <mutex>

namespace shifter::registry {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t max_header_bytes = std::size_t{256} << 10U;
constexpr std::uint64_t max_dropped_bytes = std::uint64_t{1} << 20U; // the body of an error or a redirect

/** A curl list of header lines that wipes itself, since one of them may be a credential. */
class HeaderList {
public:
    HeaderList() = default;
    HeaderList(const HeaderList &) = delete;
    HeaderList & operator=(const HeaderList &) = delete;
    ~HeaderList() {
        for (curl_slist * item = list_; item != nullptr; item = item->next)
            for (volatile char * c = item->data; *c != '\0'; ++c) *c = '\0';
        ::curl_slist_free_all(list_);
    }
    void add(const Secret & line) {
        // The list copies the text, which ends with a zero byte, as any std::string's does.
        curl_slist * const longer = ::curl_slist_append(list_, line.reveal().data());
        if (longer == nullptr) throw Error{"cannot send a request: out of memory"};
        list_ = longer;
    }
    [[nodiscard]] curl_slist * get() const noexcept { return list_; }

private:
    curl_slist * list_ = nullptr;
};

/** What the callbacks of one exchange share. */
struct Exchange {
    const HttpRequest & request;
    const BodySink & sink;
    HttpResponse response;
    StallWatch stall;
    const std::vector<ProxyAddress> & proxies;
    bool refused_address;
    std::size_t header_bytes;
    std::uint64_t dropped_bytes;
    std::exception_ptr thrown; ///< by the sink; C code must not see it
};

std::size_t on_header(char * data, std::size_t, std::size_t size, void * context) {
    auto & exchange = *static_cast<Exchange *>(context);
    exchange.header_bytes += size;
    if (exchange.header_bytes > max_header_bytes) return 0;
    const std::string_view line = text::trim(std::string_view{data, size});
    if (line.substr(0, 5) == "HTTP/") { // also begins the real answer after a 100
        exchange.response.headers.clear();
        const std::size_t blank = line.find(' ');
        const auto status = blank == line.npos ? std::nullopt : text::parse_unsigned<long>(line.substr(blank + 1, 3));
        exchange.response.status = status.value_or(0);
    } else if (const std::size_t colon = line.find(':'); colon != line.npos) {
        exchange.response.headers.emplace_back(text::to_lower(line.substr(0, colon)),
                                               std::string{text::trim(line.substr(colon + 1))});
    }
    return size;
}

std::size_t on_body(char * data, std::size_t, std::size_t size, void * context) {
    auto & exchange = *static_cast<Exchange *>(context);
    const long status = exchange.response.status;
    if (status != 200 && status != 206) {
        exchange.dropped_bytes += size;
        return exchange.dropped_bytes > max_dropped_bytes ? 0 : size;
    }
    const auto begin = Clock::now();
    try {
        exchange.sink(exchange.response, std::as_bytes(std::span{data, size}));
    } catch (...) {
        exchange.thrown = std::current_exception();
        return 0;
    }
    exchange.stall.arrived(size, Clock::now() - begin);
    return size;
}

bool is_proxy(const std::vector<ProxyAddress> & proxies, const ProxyAddress & address) {
    return std::find(proxies.begin(), proxies.end(), address) != proxies.end();
}

bool is_proxy(const std::vector<ProxyAddress> & proxies, const sockaddr & address, socklen_t length) {
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (proxies.empty() || ::getnameinfo(&address, length, host.data(), host.size(), port.data(), port.size(),
                                         NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return false;
    return is_proxy(proxies, {host.data(), text::parse_unsigned<std::uint16_t>(port.data()).value_or(0)});
}

curl_socket_t on_open_socket(void * context, curlsocktype, curl_sockaddr * address) {
    auto & exchange = *static_cast<Exchange *>(context);
    // Checked on the address that is about to be used: a name may mean something else at each look-up.
    if (exchange.request.led_by && !is_proxy(exchange.proxies, address->addr, address->addrlen) &&
        !may_lead_to(*exchange.request.led_by, reach_of(address->addr))) {
        exchange.refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void initialise_curl() {
    static const CURLcode status = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    if (status != CURLE_OK) throw Error{"cannot start libcurl"};
}

FailedTry failure_of(CURLcode code, const char * detail, const Url & url) {
    const std::string host = url.authority();
    const std::string why = *detail != '\0' ? log::one_line(detail) : ::curl_easy_strerror(code);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return {Cause::unreachable, host + " cannot be reached: " + ::curl_easy_strerror(code), true};
    case CURLE_SSL_CACERT_BADFILE:
        return {Cause::unreachable,
                host + " cannot be reached: the file of its certificate authority cannot be used: " + why, false};
    case CURLE_PEER_FAILED_VERIFICATION:
        return {Cause::unreachable, host + " cannot be trusted: " + why, false};
    case CURLE_SSL_CONNECT_ERROR:
        return {Cause::unreachable, host + " cannot be spoken to by https: " + why, false};
    case CURLE_OPERATION_TIMEDOUT:
        return {Cause::unreachable, host + " did not answer in time", true};
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return {Cause::registry_fault, host + " broke the connection", true};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return {Cause::registry_fault, host + " does not speak HTTP: " + ::curl_easy_strerror(code), false};
    default:
        return {Cause::registry_fault, host + " cannot be read: " + ::curl_easy_strerror(code), true};
    }
}

FailedTry refused_address(const Url & url) {
    return {Cause::registry_fault, "it leads to " + url.authority() + ", an address inside the site or of this machine",
            false};
}

long milliseconds(std::chrono::milliseconds duration) { return static_cast<long>(duration.count()); }

Reach reach_of_peer(CURL * easy, const std::vector<ProxyAddress> & proxies, const Url & url) {
    char * address = nullptr;
    long port = 0;
    (void)::curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
    (void)::curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &port);
    const std::string peer = address != nullptr ? address : "";
    // Behind a proxy only an address in the URL itself tells.
    const bool proxied = is_proxy(proxies, {peer, static_cast<std::uint16_t>(port)});
    return reach_of(proxied ? url.host() : peer).value_or(Reach::world);
}

} // namespace

std::optional<std::string_view> HttpResponse::header(std::string_view name) const {
    for (const auto & [key, value] : headers)
        if (key == name) return value;
    return std::nullopt;
}

/** An easy handle and the multi handle that drives it and owns its connections. */
class Http::Connection {
public:
    /** Sets what is the same for all requests. */
    explicit Connection(const HttpSettings & settings)
        : settings_{settings}, easy_{::curl_easy_init()}, multi_{::curl_multi_init()} {
        if (!easy_ || !multi_) throw Error{"cannot start libcurl: out of memory"};
        set(CURLOPT_USERAGENT, (std::string{"shifter-gateway/"} + installed::version).c_str());
        // One connection for each blob: streams that share one wait for each other's readers.
        set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_TCP_KEEPALIVE, 1L);
        set(CURLOPT_BUFFERSIZE, long{512} << 10U);
        set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(settings.limits.connect_timeout));
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        set(CURLOPT_HEADERFUNCTION, &on_header);
        set(CURLOPT_WRITEFUNCTION, &on_body);
        set(CURLOPT_OPENSOCKETFUNCTION, &on_open_socket);
        if (!settings.ca_file.empty()) set(CURLOPT_CAINFO, settings.ca_file.c_str());
        if (!settings.proxy.empty()) set(CURLOPT_PROXY, settings.proxy.c_str());
    }
    [[nodiscard]] CURL * easy() const noexcept { return easy_.get(); }

    template <class Value> void set(CURLoption option, Value value) const {
        if (const CURLcode code = ::curl_easy_setopt(easy_.get(), option, value); code != CURLE_OK)
            throw Error{std::string{"cannot set up a request: "} + ::curl_easy_strerror(code)};
    }

    /** Sets what is of one request, which outlives the exchange. */
    void prepare(const HttpRequest & request, const HeaderList & headers, Exchange & exchange, char * detail) const {
        set(CURLOPT_URL, request.url.to_string().c_str());
        set(CURLOPT_PROTOCOLS_STR, request.url.is_https() ? "https" : "http");
        const bool shows_certificate = settings_.certificate_for && request.url.same_origin(*settings_.certificate_for);
        set(CURLOPT_SSLCERT, shows_certificate ? settings_.certificate_file.c_str() : nullptr);
        set(CURLOPT_SSLKEY, shows_certificate ? settings_.key_file.c_str() : nullptr);
        set(CURLOPT_HTTPHEADER, headers.get());
        set(CURLOPT_TIMEOUT_MS, milliseconds(request.total_timeout));
        const std::string range = request.range_from ? std::to_string(*request.range_from) + "-" : "";
        if (request.head_only)
            set(CURLOPT_NOBODY, 1L);
        else
            set(CURLOPT_HTTPGET, 1L); // which also takes CURLOPT_NOBODY back
        set(CURLOPT_RANGE, request.range_from ? range.c_str() : nullptr);
        set(CURLOPT_HEADERDATA, &exchange);
        set(CURLOPT_WRITEDATA, &exchange);
        set(CURLOPT_OPENSOCKETDATA, &exchange);
        set(CURLOPT_ERRORBUFFER, detail);
    }
    /** Lets go of what prepare() pointed at. curl_easy_reset(3) would do, but then BUFFERSIZE cannot be set anew. */
    void forget() const noexcept {
        (void)::curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, nullptr);
        (void)::curl_easy_setopt(easy_.get(), CURLOPT_ERRORBUFFER, nullptr);
    }

    /** Like curl_easy_perform(3), and ends at once when stopped. */
    CURLcode perform(Exchange & exchange, const std::stop_token & stop) const {
        struct Added {
            CURLM * multi;
            CURL * easy;
            ~Added() { (void)::curl_multi_remove_handle(multi, easy); }
        };
        (void)::curl_multi_add_handle(multi_.get(), easy_.get());
        const Added added{multi_.get(), easy_.get()};
        const std::stop_callback wake{stop, [this] { (void)::curl_multi_wakeup(multi_.get()); }};
        for (;;) {
            int running = 0;
            if (::curl_multi_perform(multi_.get(), &running) != CURLM_OK) return CURLE_FAILED_INIT;
            int messages = 0;
            if (const CURLMsg * const message = ::curl_multi_info_read(multi_.get(), &messages);
                message != nullptr && message->msg == CURLMSG_DONE)
                return message->data.result;
            if (running == 0) return CURLE_FAILED_INIT;
            if (stop.stop_requested()) return CURLE_ABORTED_BY_CALLBACK;
            if (exchange.stall.has_stalled(Clock::now())) return CURLE_OPERATION_TIMEDOUT;
            constexpr int max_wait_ms = 500;
            (void)::curl_multi_poll(multi_.get(), nullptr, 0, max_wait_ms, nullptr);
        }
    }

private:
    struct Cleanup {
        void operator()(CURL * easy) const noexcept { ::curl_easy_cleanup(easy); }
    };
    struct CleanupMulti {
        void operator()(CURLM * multi) const noexcept { (void)::curl_multi_cleanup(multi); }
    };
    const HttpSettings & settings_; ///< of the Http that has this connection
    std::unique_ptr<CURL, Cleanup> easy_;
    std::unique_ptr<CURLM, CleanupMulti> multi_;
};

struct Http::State {
    HttpSettings settings;
    std::vector<ProxyAddress> proxies;
    std::mutex mutex;
    std::vector<std::unique_ptr<Connection>> idle;
};

/** Takes a connection out of the idle ones, and puts it back. */
class Http::Lease {
public:
    explicit Lease(State & state) : state_{state} {
        {
            const std::lock_guard lock{state_.mutex};
            if (!state_.idle.empty()) {
                connection_ = std::move(state_.idle.back());
                state_.idle.pop_back();
            }
        }
        if (!connection_) connection_ = std::make_unique<Connection>(state_.settings);
    }
    Lease(const Lease &) = delete;
    Lease & operator=(const Lease &) = delete;
    ~Lease() {
        connection_->forget();
        const std::lock_guard lock{state_.mutex};
        state_.idle.push_back(std::move(connection_));
    }
    [[nodiscard]] const Connection & get() const noexcept { return *connection_; }

private:
    State & state_;
    std::unique_ptr<Connection> connection_;
};

Http::Http(HttpSettings settings) : state_{std::make_unique<State>()} {
    initialise_curl();
    state_->proxies = proxy_addresses(settings.proxy);
    state_->settings = std::move(settings);
}

Http::~Http() = default;

HttpResponse Http::exchange(const HttpRequest & request, const BodySink & sink, const std::stop_token & stop) {
    const HttpSettings & settings = state_->settings;
    const RegistryLimits & limits = settings.limits;
    const std::optional<Reach> literal = reach_of(request.url.host());
    if (request.led_by && literal && !may_lead_to(*request.led_by, *literal)) throw refused_address(request.url);

    Exchange exchange{
        request, sink, {}, {limits.stall_timeout, limits.min_bytes_per_second, Clock::now()}, state_->proxies, false,
        0,       0,    {}};
    std::array<char, CURL_ERROR_SIZE> detail{};
    HeaderList headers;
    headers.add(Secret{"Accept: " + (request.accept.empty() ? "*/*" : request.accept)});
    if (!request.authorization.empty()) headers.add(request.authorization.after("Authorization: "));

    const Lease lease{*state_};
    const Connection & connection = lease.get();
    connection.prepare(request, headers, exchange, detail.data());
    const CURLcode code = connection.perform(exchange, stop);
    if (exchange.thrown) std::rethrow_exception(exchange.thrown);
    if (stop.stop_requested()) throw RegistryError{Cause::stopped, "it was stopped"};
    if (code != CURLE_OK && exchange.refused_address) throw refused_address(request.url);
    if (exchange.header_bytes > max_header_bytes)
        throw FailedTry{Cause::bad_content, request.url.authority() + " sent more than 256 KiB of headers", false};
    // Whoever has more to say about an error than we listen to has said the status.
    if (code != CURLE_OK && exchange.dropped_bytes <= max_dropped_bytes)
        throw failure_of(code, detail.data(), request.url);
    exchange.response.reach = reach_of_peer(connection.easy(), state_->proxies, request.url);
    return std::move(exchange.response);
}

} // namespace shifter::registry
