/**
 * @file
 * How many connections there are, in all and from each address, and so whether one more may come (R16).
 */
#pragma once

#include <array>
#include <map>
#include <mutex>

struct sockaddr;

namespace shifter::api {

/** An address without its port; IPv4 as IPv6 maps it (RFC 4291, section 2.5.5.2). */
using ClientAddress = std::array<unsigned char, 16>;

/** All zeros for what is neither IPv4 nor IPv6. */
[[nodiscard]] ClientAddress client_address(const sockaddr & address) noexcept;

/** Safe from several threads at once. */
class ConnectionCounts {
public:
    ConnectionCounts(unsigned most, unsigned most_of_one) : most_{most}, most_of_one_{most_of_one} {}

    /** Whether one more may come from there; if so, it is counted until leave(). That all places are taken is logged
     * once, until half of them are free again. */
    [[nodiscard]] bool enter(const ClientAddress & client);
    void leave(const ClientAddress & client);
    [[nodiscard]] unsigned open() const;

private:
    const unsigned most_;
    const unsigned most_of_one_; ///< from one address
    mutable std::mutex mutex_;
    unsigned open_ = 0;
    bool is_full_ = false; ///< and said so
    std::map<ClientAddress, unsigned> of_;
};

} // namespace shifter::api
