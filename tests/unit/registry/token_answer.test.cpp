#include "registry/token_answer.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shifter::registry;
using namespace std::chrono_literals;

TEST_CASE("a token is read under both of its names, with its lifetime") {
    auto [json, token, lifetime] = GENERATE(table<std::string, std::string, std::chrono::seconds>({
        {R"({"token":"abc"})", "abc", 60s},
        {R"({"access_token":"abc","expires_in":300})", "abc", 300s},
        {R"({"token":"abc","access_token":"abc","expires_in":0})", "abc", 0s},
        {R"({"token":"","access_token":"def"})", "def", 60s},
        {R"({"token":"abc","expires_in":-5})", "abc", 60s},
        {R"({"token":"abc","expires_in":"300"})", "abc", 60s},
        {R"({"token":"abc","expires_in":99999999999})", "abc", 86400s},
    }));
    INFO(json);
    const auto answer = parse_token_answer(json, {});
    REQUIRE(answer);
    CHECK(answer->token.reveal() == token);
    CHECK(answer->lifetime == lifetime);
}

TEST_CASE("I35: an answer without a token that can be a header is refused") {
    auto [json, why] = GENERATE(table<std::string, std::string>({
        {"", "it is not JSON (byte 1)"},
        {"[]", "it is not a JSON object"},
        {"{}", "it has no token"},
        {R"({"token":7})", "it has no token"},
        {R"({"token":"a b"})", "its token cannot be a header"},
        {R"({"token":"a\r\nHost: b"})", "its token cannot be a header"},
        {R"({"token":"a\u0000"})", "its token cannot be a header"},
        {R"({"token":"é"})", "its token cannot be a header"},
        {R"({"token":")" + std::string(65'537, 'a') + R"("})", "its token cannot be a header"},
        {R"({"token":"a","token":"b"})", "it has the name \"token\" twice"},
    }));
    INFO(json);
    const auto answer = parse_token_answer(json, {});
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().what == why);
}

TEST_CASE("I36: a secret that was taken over is gone from where it was") {
    std::string text = "a long secret that lives on the heap, not in the string";
    const char * const place = text.data();
    const Secret secret = Secret::adopt(std::move(text));
    CHECK(secret.reveal() == "a long secret that lives on the heap, not in the string");
    CHECK(secret.reveal().data() != place);
    CHECK(text.empty()); // NOLINT(bugprone-use-after-move): that is the question
    CHECK(secret.after("Bearer ").reveal() == "Bearer a long secret that lives on the heap, not in the string");
}
