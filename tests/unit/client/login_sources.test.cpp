#include "client/login_sources.hpp"

#include <catch2/catch.hpp>

using namespace shifter::client;
using Catch::Matchers::Contains;

TEST_CASE("logins are filed under the registry that a reference names") {
    auto [tag, registry] = GENERATE(table<std::string, std::string>({
        {"ubuntu:22.04", "docker.io"},
        {"group/app:1", "docker.io"},
        {"index.docker.io/library/ubuntu:1", "docker.io"},
        {"reg.example.org/app:1", "reg.example.org"},
        {"localhost:5000/app", "localhost:5000"},
    }));
    CHECK(registry_of(tag) == registry);
}

TEST_CASE("docker's file gives the login of the one registry that is asked for, in any of its spellings") {
    const std::string json = R"({"auths":{
        "https://index.docker.io/v1/":{"auth":"YW5uOnMzY3I6ZXQ="},
        "reg.example.org":{"username":"bob","password":"pw"},
        "https://other.example.org:5000/v2/":{"auth":"eDp5"},
        "broken.example.org":{"auth":"!!"},"none.example.org":{"auth":"bm9jb2xvbg=="}}})";
    auto [registry, login] = GENERATE(table<std::string, std::string>({
        {"docker.io", "ann:s3cr:et"},
        {"reg.example.org", "bob:pw"},
        {"other.example.org:5000", "x:y"},
        {"other.example.org", ""},
        {"broken.example.org", ""},
        {"none.example.org", ""},
        {"evil-reg.example.org", ""},
    }));
    INFO(registry);
    const FoundLogin found = login_in_docker_config(json, registry);
    CHECK(found.login.value_or("") == login);
    CHECK(found.obstacle.empty());
}

TEST_CASE("a login that only a helper could tell is refused in words, and what is no JSON gives nothing") {
    const FoundLogin stored =
        login_in_docker_config(R"({"auths":{"reg.example.org":{}},"credsStore":"desktop"})", "reg.example.org");
    CHECK_FALSE(stored.login);
    CHECK_THAT(stored.obstacle,
               Contains("credential helper (desktop), which is not run; use shifterimg login reg.example.org"));
    const FoundLogin helped =
        login_in_docker_config(R"({"credHelpers":{"reg.example.org":"ecr-login"}})", "reg.example.org");
    CHECK_THAT(helped.obstacle, Contains("(ecr-login)"));
    CHECK(login_in_docker_config(R"({"credsStore":"desktop"})", "reg.example.org").obstacle.empty());
    const FoundLogin token = login_in_docker_config(
        R"({"auths":{"reg.example.org":{"auth":"eDp5","identitytoken":"t"}}})", "reg.example.org");
    CHECK_THAT(token.obstacle, Contains("identity token"));
    for (const char * text : {"", "[]", "{", R"({"auths":[]})", R"({"auths":{"a":1}})"}) {
        CHECK_FALSE(login_in_docker_config(text, "a").login);
        CHECK(login_in_docker_config(text, "a").obstacle.empty());
    }
}

TEST_CASE("netrc gives the login of its machine, and its default to nobody") {
    auto [text, login] = GENERATE(table<std::string, std::string>({
        {"machine reg.example.org login ann password secret\n", "ann:secret"},
        {"machine other login x password y\nmachine reg.example.org\n\tlogin ann\n\tpassword a:b\n", "ann:a:b"},
        {"# machine reg.example.org login no password no\nmachine reg.example.org login ann password s\n", "ann:s"},
        {"macdef init\nmachine reg.example.org login no password no\n\nmachine reg.example.org login ann password s",
         "ann:s"},
        {"machine reg.example.org login ann password s account q\ndefault login z password z", "ann:s"},
        {"default login ann password secret\n", ""},
        {"machine reg.example.org login ann\n", ""},
        {"machine reg.example.org login ann machine other password s\n", ""},
        {"machine", ""},
        {"", ""},
    }));
    INFO(text);
    CHECK(login_in_netrc(text, "reg.example.org").value_or("") == login);
}
