#include "registry/address_rules.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace shifter::registry {
namespace {

struct Block {
    std::uint32_t network;
    unsigned bits;
    Reach reach;
};
// IANA IPv4 Special-Purpose Address Registry; the first that fits counts.
constexpr std::array blocks = {
    Block{0x00000000, 8, Reach::reserved},    Block{0x7f000000, 8, Reach::machine},
    Block{0xa9fe0000, 16, Reach::link_local}, Block{0x0a000000, 8, Reach::site},
    Block{0xac100000, 12, Reach::site},       Block{0xc0a80000, 16, Reach::site},
    Block{0x64400000, 10, Reach::site},       Block{0xe0000000, 3, Reach::reserved},
};

Reach reach_of_v4(std::uint32_t address) noexcept {
    for (const Block & block : blocks)
        if ((address >> (32 - block.bits)) == (block.network >> (32 - block.bits))) return block.reach;
    return Reach::world;
}

Reach reach_of_v6(const in6_addr & address) noexcept {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &address, bytes.size());
    const auto v4_at = [&bytes](std::size_t at) {
        std::uint32_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        return reach_of_v4(ntohl(word));
    };
    constexpr std::array<std::uint8_t, 12> nat64 = {0, 0x64, 0xff, 0x9b};
    const bool ten_zeros = std::all_of(bytes.begin(), bytes.begin() + 10, [](auto byte) { return byte == 0; });
    if (ten_zeros && bytes[10] == 0xff && bytes[11] == 0xff) return v4_at(12); // ::ffff:a.b.c.d is the IPv4 host
    if (std::equal(nat64.begin(), nat64.end(), bytes.begin())) return v4_at(12);
    if (bytes[0] == 0x20 && bytes[1] == 0x02) return v4_at(2); // 6to4
    if (IN6_IS_ADDR_LOOPBACK(&address)) return Reach::machine;
    if (ten_zeros) return Reach::reserved; // unspecified, and the old IPv4-compatible form
    if (IN6_IS_ADDR_LINKLOCAL(&address)) return Reach::link_local;
    if (IN6_IS_ADDR_MULTICAST(&address)) return Reach::reserved;
    // fd00:ec2::254 is a metadata service inside the unique local block; the site's rule covers it.
    if ((bytes[0] & 0xfeU) == 0xfcU || IN6_IS_ADDR_SITELOCAL(&address)) return Reach::site;
    return Reach::world;
}

} // namespace

Reach reach_of(const sockaddr & address) noexcept {
    if (address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        return reach_of_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        return reach_of_v6(v6.sin6_addr);
    }
    return Reach::reserved;
}

std::optional<Reach> reach_of(std::string_view address) {
    const std::string text{address.substr(0, address.find('%'))};
    in_addr v4{};
    if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return reach_of_v4(ntohl(v4.s_addr));
    in6_addr v6{};
    if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) return reach_of_v6(v6);
    return std::nullopt;
}

bool may_lead_to(Reach registry, Reach target) noexcept {
    switch (target) {
    case Reach::world:
        return true;
    case Reach::site:
        return registry != Reach::world;
    case Reach::machine:
        return registry == Reach::machine;
    case Reach::link_local:
        return registry == Reach::link_local;
    case Reach::reserved:
        return false;
    }
    return false;
}

} // namespace shifter::registry
