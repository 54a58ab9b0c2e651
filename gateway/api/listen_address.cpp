#include "api/listen_address.hpp"

#include "base/text.hpp"

#include <arpa/inet.h>

namespace shifter::api {

Expected<ListenAddress> ListenAddress::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return ParseError{0, "write it as address:port, for example 127.0.0.1:5000"};
    std::string_view host = text.substr(0, colon);
    const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (brackets) host = host.substr(1, host.size() - 2);
    ListenAddress address{.host = std::string{host}, .port = 0};
    in6_addr bytes{};
    if (::inet_pton(brackets ? AF_INET6 : AF_INET, address.host.c_str(), &bytes) != 1)
        return ParseError{0, quoted(host) + " is not an IP address (an IPv6 address stands in brackets)"};
    const auto port = text::parse_unsigned<std::uint16_t>(text.substr(colon + 1));
    if (!port) return ParseError{colon + 1, quoted(text.substr(colon + 1)) + " is not a port (0 to 65535)"};
    address.port = *port;
    return address;
}

bool ListenAddress::is_loopback() const noexcept { return host == "::1" || host.rfind("127.", 0) == 0; }

std::string ListenAddress::to_string() const {
    return (is_ipv6() ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

} // namespace shifter::api
