#include "api/listening.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace shifter::api {
namespace {

union SocketAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

/** A listening socket of our own: the library's messages do not say which address could not be had, and why. */
UniqueFd listen_at(ListenAddress & address) {
    SocketAddress name{};
    socklen_t length = 0;
    if (address.is_ipv6()) {
        name.v6.sin6_family = AF_INET6;
        name.v6.sin6_port = htons(address.port);
        (void)::inet_pton(AF_INET6, address.host.c_str(), &name.v6.sin6_addr);
        length = sizeof name.v6;
    } else {
        name.v4.sin_family = AF_INET;
        name.v4.sin_port = htons(address.port);
        (void)::inet_pton(AF_INET, address.host.c_str(), &name.v4.sin_addr);
        length = sizeof name.v4;
    }
    const std::string what = "cannot listen on " + address.to_string();
    UniqueFd fd{::socket(name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) throw SysError{errno, what};
    const int on = 1;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) throw SysError{errno, what};
    if (address.is_ipv6() && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        throw SysError{errno, what};
    if (::bind(fd.get(), &name.any, length) != 0) throw SysError{errno, what};
    // A job start brings thousands of connections at once; the kernel cuts this to net.core.somaxconn.
    if (::listen(fd.get(), 16'384) != 0) throw SysError{errno, what};
    if (::getsockname(fd.get(), &name.any, &length) != 0) throw SysError{errno, what};
    address.port = ntohs(address.is_ipv6() ? name.v6.sin6_port : name.v4.sin_port);
    return fd;
}

} // namespace

std::vector<ListeningSocket> listen_on(const std::vector<ListenAddress> & addresses) {
    std::vector<ListeningSocket> sockets;
    for (ListenAddress address : addresses) {
        UniqueFd fd = listen_at(address);
        sockets.push_back({std::move(address), std::move(fd)});
    }
    return sockets;
}

} // namespace shifter::api
