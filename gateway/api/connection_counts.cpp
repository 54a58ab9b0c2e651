#include "api/connection_counts.hpp"

#include "base/log.hpp"

#include <cstring>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>

namespace shifter::api {

ClientAddress client_address(const sockaddr & address) noexcept {
    ClientAddress client{};
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        std::memcpy(client.data(), &v6.sin6_addr, client.size());
    } else if (address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        client[10] = client[11] = 0xff;
        std::memcpy(&client[12], &v4.sin_addr, sizeof v4.sin_addr);
    }
    return client;
}

bool ConnectionCounts::enter(const ClientAddress & client) {
    const std::lock_guard lock{mutex_};
    if (open_ >= most_) {
        if (!is_full_) log::warning("event=limited new connections are closed: " + std::to_string(most_) + " are open");
        is_full_ = true;
        return false;
    }
    unsigned & of_client = of_[client];
    if (of_client >= most_of_one_) return false;
    ++of_client;
    ++open_;
    return true;
}

void ConnectionCounts::leave(const ClientAddress & client) {
    const std::lock_guard lock{mutex_};
    if (const auto of_client = of_.find(client); of_client != of_.end() && --of_client->second == 0)
        of_.erase(of_client);
    if (--open_ < most_ / 2) is_full_ = false;
}

unsigned ConnectionCounts::open() const {
    const std::lock_guard lock{mutex_};
    return open_;
}

} // namespace shifter::api
