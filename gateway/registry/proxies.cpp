#include "registry/proxies.hpp"

#include "base/text.hpp"

#include <curl/curl.h>
#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <memory>

namespace shifter::registry {
namespace {

std::string part_of(CURLU * handle, CURLUPart what) {
    char * text = nullptr;
    if (::curl_url_get(handle, what, &text, 0) != CURLUE_OK) return {};
    const std::unique_ptr<char, decltype(&::curl_free)> owner{text, ::curl_free};
    return text;
}

void add_addresses(const std::string & proxy, std::vector<ProxyAddress> & addresses) {
    const std::unique_ptr<CURLU, decltype(&::curl_url_cleanup)> handle{::curl_url(), ::curl_url_cleanup};
    constexpr unsigned lenient = CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME;
    if (::curl_url_set(handle.get(), CURLUPART_URL, proxy.c_str(), lenient) != CURLUE_OK) return;
    constexpr std::uint16_t default_port = 1080; // libcurl's, for all proxies but https ones
    const std::uint16_t scheme_port = part_of(handle.get(), CURLUPART_SCHEME) == "https" ? 443 : default_port;
    std::string host = part_of(handle.get(), CURLUPART_HOST);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    const auto port = text::parse_unsigned<std::uint16_t>(part_of(handle.get(), CURLUPART_PORT)).value_or(scheme_port);

    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo * found = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return; // the exchange itself will say so
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, ::freeaddrinfo};
    for (const addrinfo * item = found; item != nullptr; item = item->ai_next) {
        std::array<char, NI_MAXHOST> name{};
        if (::getnameinfo(item->ai_addr, item->ai_addrlen, name.data(), name.size(), nullptr, 0, NI_NUMERICHOST) == 0)
            addresses.emplace_back(name.data(), port);
    }
}

} // namespace

std::vector<ProxyAddress> proxy_addresses(const std::string & configured) {
    std::vector<ProxyAddress> addresses;
    if (!configured.empty()) {
        add_addresses(configured, addresses);
        return addresses;
    }
    constexpr std::array names = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    for (const char * const name : names) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in the service writes its environment
        const char * const value = std::getenv(name);
        if (value != nullptr && *value != '\0') add_addresses(value, addresses);
    }
    return addresses;
}

} // namespace shifter::registry
