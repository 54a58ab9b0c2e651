/**
 * @file
 * Where a service listens: "127.0.0.1:5000", "[::1]:5000". Numbers only, so that nothing depends on a name service.
 */
#pragma once

#include "base/expected.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace shifter::api {

struct ListenAddress {
    std::string host;       ///< IPv4 or IPv6 address, without brackets
    std::uint16_t port = 0; ///< 0: the kernel picks a free one

    [[nodiscard]] static Expected<ListenAddress> parse(std::string_view text);
    [[nodiscard]] bool is_ipv6() const noexcept { return host.find(':') != std::string::npos; }
    [[nodiscard]] bool is_loopback() const noexcept;
    [[nodiscard]] std::string to_string() const;
    bool operator==(const ListenAddress &) const = default;
};

} // namespace shifter::api
