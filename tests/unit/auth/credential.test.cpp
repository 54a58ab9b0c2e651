#include "auth/credential.hpp"
#include "auth/account_cache.hpp"
#include "base/error.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using Catch::Matchers::Message;

namespace {

auto munge_at(const std::string & socket) {
    return auth::munge_authenticator(socket, std::make_shared<auth::AccountCache>(std::chrono::seconds{0}));
}

} // namespace

TEST_CASE("the mock credential of the contract names a caller (7.1)") {
    const auto caller = auth::mock_authenticator()->authenticate("good:ann:users:tok:1234:100");
    CHECK(caller.name == "ann");
    CHECK(caller.identity == Identity{1234, 100, {}});
    CHECK(caller.locations == auth::AuthorizedLocations{{"default", "ann:tok"}});
    CHECK(auth::mock_authenticator()->authenticate("good:root:root").identity.uid == 0);
}

TEST_CASE("I32: a mock credential of another shape is refused") {
    const std::string header =
        GENERATE(as<std::string>{}, "", "good", "good:ann", "bad:ann:users:tok:1:1", "good::users:t:1:1",
                 "good:ann:users:tok:1", "good:ann:users:tok:x:1", "good:ann:users:tok:1:-1",
                 "good:ann:users:tok:1:1:1", "good:no-such-account-here:root", "good:root:no-such-group-here");
    CHECK_THROWS_AS(auth::mock_authenticator()->authenticate(header), Error);
}

TEST_CASE("I32: text that is no MUNGE credential is refused before munged is asked") {
    const std::string header = GENERATE(as<std::string>{}, "", "good:root:root", "munge:abc",
                                        std::string{"MUNGE:a\0b:", 10}, "MUNGE:" + std::string(300'000, 'A') + ":");
    CHECK_THROWS_WITH(munge_at("/nonexistent/socket")->authenticate(header), "the request has no MUNGE credential");
}

TEST_CASE("I32: a munged that does not answer is no caller, and is told apart from a refusal") {
    CHECK_THROWS_AS(munge_at("/nonexistent/socket")->authenticate("MUNGE:AwQFAAC=:"), auth::Unavailable);
    CHECK_THROWS_WITH(auth::make_credential({}, "/nonexistent/socket"),
                      "cannot get a credential: munged does not answer on \"/nonexistent/socket\"; is it running?");
}

TEST_CASE("I36: a login that cannot be sent is refused without being quoted") {
    try {
        (void)auth::make_credential({{"default", "me:sec\xe9ret"}}, "/nonexistent/socket");
        FAIL("accepted");
    } catch (const Error & error) {
        CHECK(std::string{error.what()}.find("sec") == std::string::npos);
        CHECK(std::string{error.what()}.find("E9") == std::string::npos);
    }
}
