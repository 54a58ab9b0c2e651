#include "registry/www_authenticate.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shifter::registry;

TEST_CASE("challenges are read as registries send them") {
    auto [text, count, last] = GENERATE(table<std::string, std::size_t, std::string>({
        {R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/ubuntu:pull")",
         1,
         R"(bearer realm="https://auth.docker.io/token", service="registry.docker.io", scope="repository:library/ubuntu:pull")"},
        {R"(Basic realm="Registry")", 1, R"(basic realm="Registry")"},
        {"BASIC realm=simple", 1, R"(basic realm="simple")"},
        {"Negotiate", 1, "negotiate"},
        {R"(Basic realm="a", Bearer realm="b",service=c)", 2, R"(bearer realm="b", service="c")"},
        {"Negotiate, Basic realm=x", 2, R"(basic realm="x")"},
        {R"(Bearer realm = "a" , service = "b\"c\\d")", 1, R"(bearer realm="a", service="b\"c\\d")"},
        {R"(, ,Bearer realm="a,b=c Basic",)", 1, R"(bearer realm="a,b=c Basic")"},
        {R"(Bearer Realm="a",error="insufficient_scope")", 1, R"(bearer realm="a", error="insufficient_scope")"},
    }));
    INFO(text);
    const auto challenges = parse_www_authenticate(text);
    REQUIRE(challenges);
    CHECK(challenges->size() == count);
    CHECK(challenges->back().to_string() == last);
    CHECK(parse_www_authenticate(last) == std::vector{challenges->back()});
}

TEST_CASE("a parameter is found by its name, and only the one that is there") {
    const auto challenges = parse_www_authenticate(R"(Bearer realm="a",service="")");
    REQUIRE(challenges);
    CHECK(challenges->front().parameter("realm") == "a");
    CHECK(challenges->front().parameter("service") == "");
    CHECK_FALSE(challenges->front().parameter("scope"));
}

TEST_CASE("a header that can be read in two ways is refused") {
    const std::string text =
        GENERATE(as<std::string>{}, "", " , ", "=", "\"x\"", R"(Bearer realm="a)", R"(Bearer realm="a\)",
                 "Bearer realm=", "Bearer realm=,x=y", R"(Bearer realm="a",realm="b")", R"(Bearer realm="a",REALM="b")",
                 R"(Bearer realm="a" service="b")", "Bearer realm=\"a\nb\"", "Negotiate abc==", "Bearer(x)",
                 std::string(9000, 'a'), "Basic realm=\"\x01\"");
    INFO(text);
    CHECK_FALSE(parse_www_authenticate(text).has_value());
}
