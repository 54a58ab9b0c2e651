#include "registry/address_rules.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string>

using namespace shifter::registry;

TEST_CASE("I29: addresses are sorted by who they belong to") {
    auto [address, reach] = GENERATE(table<std::string, Reach>({
        {"8.8.8.8", Reach::world},
        {"127.0.0.1", Reach::machine},
        {"127.255.255.254", Reach::machine},
        {"128.0.0.0", Reach::world},
        {"10.0.0.1", Reach::site},
        {"11.0.0.1", Reach::world},
        {"172.16.0.1", Reach::site},
        {"172.31.255.255", Reach::site},
        {"172.32.0.1", Reach::world},
        {"192.168.1.1", Reach::site},
        {"192.169.1.1", Reach::world},
        {"100.64.0.1", Reach::site},
        {"100.128.0.1", Reach::world},
        {"169.254.169.254", Reach::link_local},
        {"169.253.0.1", Reach::world},
        {"0.0.0.0", Reach::reserved},
        {"0.1.2.3", Reach::reserved},
        {"224.0.0.1", Reach::reserved},
        {"255.255.255.255", Reach::reserved},
        {"::1", Reach::machine},
        {"::", Reach::reserved},
        {"::ffff:127.0.0.1", Reach::machine},
        {"::ffff:8.8.8.8", Reach::world},
        {"::127.0.0.1", Reach::reserved},
        {"64:ff9b::a9fe:a9fe", Reach::link_local},
        {"64:ff9b::808:808", Reach::world},
        {"2002:7f00:1::", Reach::machine},
        {"fe80::1", Reach::link_local},
        {"fe80::1%eth0", Reach::link_local},
        {"fd00:ec2::254", Reach::site},
        {"fc00::1", Reach::site},
        {"fec0::1", Reach::site},
        {"ff02::1", Reach::reserved},
        {"2001:db8::1", Reach::world},
    }));
    INFO(address);
    REQUIRE(reach_of(address).has_value());
    CHECK(*reach_of(address) == reach);
}

TEST_CASE("a name is not an address") {
    const std::string name = GENERATE(as<std::string>{}, "localhost", "", "127.1", "0x7f.0.0.1", "1.2.3.4.5", "::g");
    CHECK_FALSE(reach_of(name).has_value());
}

TEST_CASE("a socket address is sorted like its text, and an unknown family leads nowhere") {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    REQUIRE(::inet_pton(AF_INET, "169.254.169.254", &v4.sin_addr) == 1);
    CHECK(reach_of(reinterpret_cast<const sockaddr &>(v4)) == Reach::link_local);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    REQUIRE(::inet_pton(AF_INET6, "::ffff:10.0.0.1", &v6.sin6_addr) == 1);
    CHECK(reach_of(reinterpret_cast<const sockaddr &>(v6)) == Reach::site);
    sockaddr other{};
    other.sa_family = AF_UNIX;
    CHECK(reach_of(other) == Reach::reserved);
}

TEST_CASE("I29: an answer leads outwards, never further in than its registry stands") {
    auto [registry, target, allowed] = GENERATE(table<Reach, Reach, bool>({
        {Reach::world, Reach::world, true},
        {Reach::world, Reach::site, false},
        {Reach::world, Reach::machine, false},
        {Reach::world, Reach::link_local, false},
        {Reach::site, Reach::world, true},
        {Reach::site, Reach::site, true},
        {Reach::site, Reach::machine, false},
        {Reach::site, Reach::link_local, false},
        {Reach::machine, Reach::world, true},
        {Reach::machine, Reach::site, true},
        {Reach::machine, Reach::machine, true},
        {Reach::machine, Reach::link_local, false},
        {Reach::link_local, Reach::link_local, true},
        {Reach::link_local, Reach::machine, false},
        {Reach::machine, Reach::reserved, false},
        {Reach::reserved, Reach::reserved, false},
    }));
    CHECK(may_lead_to(registry, target) == allowed);
}
