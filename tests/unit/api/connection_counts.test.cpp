#include "api/connection_counts.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

using namespace shifter::api;

namespace {

ClientAddress v4(const char * text) {
    union {
        sockaddr any;
        sockaddr_in v4;
    } name{};
    name.v4.sin_family = AF_INET;
    name.v4.sin_port = htons(4711);
    REQUIRE(::inet_pton(AF_INET, text, &name.v4.sin_addr) == 1);
    return client_address(name.any);
}

ClientAddress v6(const char * text) {
    union {
        sockaddr any;
        sockaddr_in6 v6;
    } name{};
    name.v6.sin6_family = AF_INET6;
    REQUIRE(::inet_pton(AF_INET6, text, &name.v6.sin6_addr) == 1);
    return client_address(name.any);
}

} // namespace

TEST_CASE("an address counts as one whether it came by IPv4 or mapped into IPv6, and by no port") {
    CHECK(v4("192.0.2.7") == v6("::ffff:192.0.2.7"));
    CHECK(v4("192.0.2.7") != v4("192.0.2.8"));
    CHECK(v6("2001:db8::1") != v6("2001:db8::2"));
}

TEST_CASE("R16: so many connections may come as the limit says, and so many from one address") {
    ConnectionCounts counts{3, 2};
    const ClientAddress one = v4("192.0.2.1"), other = v4("192.0.2.2");
    CHECK(counts.enter(one));
    CHECK(counts.enter(one));
    CHECK_FALSE(counts.enter(one));
    CHECK(counts.enter(other));
    CHECK_FALSE(counts.enter(other));
    CHECK(counts.open() == 3);
    counts.leave(one);
    CHECK(counts.open() == 2);
    CHECK(counts.enter(other));
    CHECK_FALSE(counts.enter(one)); // all places are taken
    counts.leave(other);
    counts.leave(other);
    counts.leave(one);
    CHECK(counts.open() == 0);
}
