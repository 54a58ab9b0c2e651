#include "pull/credentials.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::pull;

namespace {

Source source_at(const std::string & name) {
    registry::Location location;
    location.name = name;
    return {*ImageReference::parse(name + "/org/app:1"), location};
}

std::string login_for(const std::string & registry, const auth::AuthorizedLocations & logins) {
    const auto found = credentials_for(source_at(registry), logins, "docker.io");
    return found ? found->user + "/" + std::string{found->password.reveal()} : "none";
}

} // namespace

TEST_CASE("I28: a login goes to its own registry, and \"default\" to the default one alone (H7-18)") {
    CHECK(login_for("reg.example.org", {{"reg.example.org", "me:pw"}, {"default", "you:no"}}) == "me/pw");
    CHECK(login_for("reg.example.org", {{"default", "you:no"}}) == "none");
    CHECK(login_for("reg.example.org", {{"other.example.org", "you:no"}}) == "none");
    CHECK(login_for("docker.io", {{"default", "me:pw"}}) == "me/pw");
    CHECK(login_for("docker.io", {{"registry-1.docker.io", "me:pw"}}) == "me/pw");
}

TEST_CASE("a password keeps its colons (H7-19)") { CHECK(login_for("a.b", {{"a.b", "me:p:w:"}}) == "me/p:w:"); }

TEST_CASE("I36: the mark of credentials tells them apart and does not hold them") {
    const auto mark = [](const char * user, const char * password) {
        return credentials_mark(registry::Credentials{user, registry::Secret{password}});
    };
    CHECK(mark("me", "secret") == mark("me", "secret"));
    CHECK(mark("me", "secret") != mark("me", "Secret"));
    CHECK(mark("me", "x") != mark("mex", ""));
    CHECK(mark("me", "secret").find("secret") == std::string::npos);
    CHECK(credentials_mark(std::nullopt).empty());
}
