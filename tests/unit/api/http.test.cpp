#include "api/http.hpp"
#include "api/listen_address.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::api;

TEST_CASE("percent-encoding is undone once, and strictly") {
    auto [text, decoded] = GENERATE(table<std::string, std::string>({
        {"ubuntu%3A22.04", "ubuntu:22.04"},
        {"a%2fb%2Fc", "a/b/c"},
        {"a+b", "a+b"},
        {"%2525", "%25"},
        {"", ""},
    }));
    const auto result = percent_decode(text);
    REQUIRE(result);
    CHECK(*result == decoded);
    CHECK(*percent_decode(percent_encode(decoded)) == decoded);
}

TEST_CASE("a broken escape is refused, and so is a NUL") {
    const auto * text = GENERATE("%", "%2", "a%zz", "%-1", "%00", "a%0");
    INFO(text);
    CHECK_FALSE(percent_decode(text));
}

TEST_CASE("a whole tag is encoded as clients do") {
    CHECK(percent_encode("reg:5000/a_b~c:1@x") == "reg%3A5000%2Fa_b~c%3A1%40x");
}

TEST_CASE("a header that came twice is none, since nobody knows which one holds (I32)") {
    Request request;
    request.headers = {{"authentication", "one"}, {"accept", "*/*"}};
    CHECK(request.header("authentication") == "one");
    CHECK_FALSE(request.header("host"));
    request.headers.emplace_back("authentication", "two");
    CHECK_FALSE(request.header("authentication"));
}

TEST_CASE("values of a query are found by their name") {
    CHECK(query_value("/x?limit=10", "limit") == "10");
    CHECK(query_value("/x?a=1&limit=%31&b", "limit") == "1");
    CHECK(query_value("/x?limit", "limit") == "");
    CHECK_FALSE(query_value("/x?limited=1", "limit"));
    CHECK_FALSE(query_value("/x", "limit"));
    CHECK_FALSE(query_value("/x?limit=%z", "limit"));
}

TEST_CASE("an address to listen on is numbers, and prints as it is read") {
    for (const char * text : {"127.0.0.1:5000", "[::1]:5000", "0.0.0.0:0", "[::]:65535"}) {
        INFO(text);
        const auto address = ListenAddress::parse(text);
        REQUIRE(address);
        CHECK(address->to_string() == text);
    }
    for (const char * text : {"localhost:5000", "127.0.0.1", "::1:5000", "127.0.0.1:65536", "127.0.0.1:-1",
                              "[127.0.0.1]:1", ":5000", "[]:1", ""}) {
        INFO(text);
        CHECK_FALSE(ListenAddress::parse(text));
    }
    CHECK(ListenAddress::parse("127.0.0.2:1")->is_loopback());
    CHECK(ListenAddress::parse("[::1]:1")->is_loopback());
    CHECK_FALSE(ListenAddress::parse("0.0.0.0:1")->is_loopback());
}
