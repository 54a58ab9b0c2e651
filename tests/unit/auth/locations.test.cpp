#include "auth/credential.hpp"

#include <catch2/catch.hpp>

using shifter::auth::AuthorizedLocations;
using shifter::auth::parse_locations;

TEST_CASE("registry logins are read from the payload of a credential (contract 7.1)") {
    auto [payload, locations] = GENERATE(table<std::string, AuthorizedLocations>({
        {R"({"authorized_locations":{"default":"me:secret"}})", {{"default", "me:secret"}}},
        {R"({"authorized_locations":{"a":"u:p","b:5000":"v:q:r"}})", {{"a", "u:p"}, {"b:5000", "v:q:r"}}},
        {R"({"other":1,"authorized_locations":{"a":"u:"}})", {{"a", "u:"}}},
    }));
    CHECK(parse_locations(payload) == locations);
}

TEST_CASE("a payload that is not such JSON gives no logins (contract 7.1)") {
    const std::string payload =
        GENERATE(as<std::string>{}, "", "text", "[]", "{}", R"({"authorized_locations":[]})",
                 R"({"authorized_locations":{"a":1}})", R"({"authorized_locations":{"a":"nocolon"}})",
                 R"({"authorized_locations":{"":"u:p"}})", R"({"authorized_locations":{"a":"u:p"})",
                 R"({"authorized_locations":{"a":"u:p","b":["u:p"]}})",
                 R"({"authorized_locations":{"a":"u:p"},"authorized_locations":{"a":"x:y"}})",
                 R"({"authorized_locations":{"a":"u:p","a":"x:y"}})", R"({"authorized_locations":{"a":"u\u0000:p"}})",
                 R"({"x":[[[[[[[[[1]]]]]]]]],"authorized_locations":{"a":"u:p"}})",
                 R"({"authorized_locations":{"a":"u:)" + std::string(65536, 'p') + R"("}})");
    INFO(payload.substr(0, 80));
    CHECK(parse_locations(payload).empty());
}
