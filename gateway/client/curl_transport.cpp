#include "client/transport.hpp"

#include <array>

#include <curl/curl.h>

namespace shifter::client {
namespace {

struct CleanUp {
    void operator()(CURL * handle) const noexcept { curl_easy_cleanup(handle); }
    void operator()(curl_slist * list) const noexcept { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, CleanUp>;
using Headers = std::unique_ptr<curl_slist, CleanUp>;

struct Body {
    static constexpr std::size_t max_bytes = std::size_t{1} << 30U;
    std::string text;
    bool too_large = false;
};

/** curl calls this with size 1 and the number of bytes; anything but the whole number back ends the transfer (H9-10).
 */
std::size_t take(char * bytes, std::size_t size, std::size_t count, void * target) {
    auto & body = *static_cast<Body *>(target);
    if (body.text.size() + size * count > Body::max_bytes) {
        body.too_large = true;
        return 0;
    }
    try {
        body.text.append(bytes, size * count);
    } catch (const std::exception &) {
        return 0;
    }
    return size * count;
}

void append(Headers & headers, const std::string & line) {
    curl_slist * longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) throw NoAnswer{"out of memory"};
    (void)headers.release();
    headers.reset(longer);
}

class CurlTransport : public Transport {
public:
    explicit CurlTransport(std::function<bool()> stops) : stops_{std::move(stops)} {
        // TLS is set up only when an https URL needs it.
        if (curl_global_init(CURL_GLOBAL_DEFAULT & ~CURL_GLOBAL_SSL) != CURLE_OK) throw Error{"cannot set up libcurl"};
        easy_.reset(curl_easy_init());
        if (!easy_) throw Error{"cannot set up libcurl"};
    }
    ~CurlTransport() override {
        easy_.reset();
        curl_global_cleanup();
    }
    CurlTransport(const CurlTransport &) = delete;
    CurlTransport & operator=(const CurlTransport &) = delete;

    Answer exchange(const Exchange & exchange) override {
        CURL * easy = easy_.get();
        curl_easy_reset(easy); // connections stay
        Body body;
        std::array<char, CURL_ERROR_SIZE> reason{};
        Headers headers;
        append(headers, "authentication:" + exchange.credential);
        if (!exchange.machine.empty()) append(headers, "Shifter-Machine:" + exchange.machine);
        append(headers, "Expect:");
        if (exchange.is_post) {
            append(headers, "Content-Type: application/json");
            curl_easy_setopt(easy, CURLOPT_POST, 1L);
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange.body.c_str());
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(exchange.body.size()));
        }
        curl_easy_setopt(easy, CURLOPT_URL, exchange.url.c_str());
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason.data());
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 10L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT, static_cast<long>(exchange.timeout.count()));
        // A credential is for the gateway that the site named: no redirects, no netrc, and no proxy that a user's
        // environment could put between.
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        if (stops_) {
            curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
            curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &CurlTransport::ask_whether_to_stop);
            curl_easy_setopt(easy, CURLOPT_XFERINFODATA, this);
        }
        const CURLcode code = curl_easy_perform(easy);
        if (body.too_large) throw NoAnswer{"its answer has more than 1 GiB"};
        if (code == CURLE_ABORTED_BY_CALLBACK) throw NoAnswer{"interrupted"};
        if (code != CURLE_OK) throw NoAnswer{reason.front() != '\0' ? reason.data() : curl_easy_strerror(code)};
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        return {static_cast<int>(status), std::move(body.text)};
    }

private:
    static int ask_whether_to_stop(void * self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        return static_cast<const CurlTransport *>(self)->stops_() ? 1 : 0;
    }

    Easy easy_;
    std::function<bool()> stops_;
};

} // namespace

std::unique_ptr<Transport> curl_transport(std::function<bool()> stops) {
    return std::make_unique<CurlTransport>(std::move(stops));
}

} // namespace shifter::client
