// Several pulls in one command, bars on a terminal, Ctrl-C, and lists in pages.
#include "unit/client/client_under_test.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::client;
using namespace shifter::client::testing;

namespace {
const std::string at_ten = "2024-12-01T10:00:00 Pulling Image: docker:";
}

TEST_CASE("several images are asked for at once, each has its lines, and all must be READY") {
    Client client;
    client.transport.steps = {
        {200, record("INIT")}, {200, record("READY")}, {200, record("PULLING")}, {200, record("READY")}};
    CHECK(client.run({"pull", "a:1", "b:1", "docker:a:1"}) == 0);
    CHECK(client.out.str() ==
          at_ten + "b:1, status: READY\n" + at_ten + "a:1, status: PULLING\n" + at_ten + "a:1, status: READY\n");
    REQUIRE(client.transport.exchanges.size() == 4);
    CHECK(client.transport.exchanges[1].url.find("/docker/b%3A1/") != std::string::npos);
    Client failing;
    failing.transport.steps = {{200, record("FAILURE", R"(,"status_message":"one")")},
                               {200, record("FAILURE", R"(,"status_message":"two")")}};
    CHECK(failing.run({"pull", "a:1", "b:1"}) == 1);
    CHECK(failing.err.str() == "shifterimg: cannot pull docker:a:1: one\nshifterimg: cannot pull docker:b:1: two\n");
}

TEST_CASE("a name that cannot be meant is found before anything is pulled") {
    Client client;
    CHECK(client.run({"pull", "a:1", "b c"}) == 1);
    CHECK(client.transport.exchanges.empty());
}

TEST_CASE("on a terminal each layer has a bar below the status line, and only that line stays") {
    Client client;
    client.is_terminal = true;
    client.columns = 200;
    const std::string half = R"(,"progress":{"bytes_done":5242880,"bytes_total":10485760,"layers":[)"
                             R"({"digest":"sha256:aaaaaaaaaaaaaaaa","bytes_done":5242880,"bytes_total":5242880},)"
                             R"({"digest":"sha256:bbbbbbbbbbbbbbbb","bytes_done":0,"bytes_total":5242880}]})";
    client.transport.steps = {{200, record("INIT")}, {200, record("PULLING", half)}, {200, record("READY")}};
    CHECK(client.run({"pull", "ubuntu:1"}) == 0);
    const std::string line = "\r\x1b[2K" + at_ten + "ubuntu:1, status: ";
    CHECK(client.out.str() == line +
                                  "PULLING  5.0 of 10.0 MiB\n"
                                  "\x1b[2K  aaaaaaaaaaaa [====================] arrived  5.0 of 5.0 MiB\n"
                                  "\x1b[2K  bbbbbbbbbbbb [                    ] waiting  0.0 of 5.0 MiB"
                                  "\x1b[2A" +
                                  line + "READY\x1b[J\n");
}

TEST_CASE("a Ctrl-C leaves the pull to the gateway, and says so") {
    Client client;
    client.transport.steps = {{200, record("INIT")}, {200, record("PULLING")}};
    client.interrupt_after = 2;
    CHECK(client.run({"pull", "ubuntu:1"}) == 130);
    CHECK(client.err.str() ==
          "shifterimg: interrupted; the gateway goes on pulling docker:ubuntu:1: the same command shows "
          "how far it is\n");
    CHECK(client.transport.exchanges.size() == 3);
    Client early;
    early.transport.steps = {{0, ""}};
    early.is_interrupted = true;
    CHECK(early.run({"pull", "ubuntu:1"}) == 130);
    CHECK(early.err.str() == "shifterimg: interrupted\n");
}

TEST_CASE("images are asked for page by page, and an older gateway's whole list is one page") {
    Client client;
    client.transport.steps = {{200, "{\"list\":[" + record("READY") + R"(],"next":"8d1f"})"},
                              {200, R"({"list":[{"id":"99","tag":["debian:12"],"itype":"docker"}]})"}};
    CHECK(client.run({"images"}) == 0);
    CHECK(client.out.str().find("debian:12") < client.out.str().find("ubuntu:22.04"));
    REQUIRE(client.transport.exchanges.size() == 2);
    CHECK(client.transport.exchanges[0].url == "http://gw1:5000/api/list/alpha/?limit=1000");
    CHECK(client.transport.exchanges[1].url == "http://gw1:5000/api/list/alpha/?limit=1000&after=8d1f");
}

TEST_CASE("images and tree take a pattern") {
    const std::string list =
        R"({"list":[{"id":"1","itype":"docker","tag":["org/app:1","org/app:2"]},{"id":"2","itype":"custom","tag":["tool"]}]})";
    Client one;
    one.transport.steps = {{200, list}};
    CHECK(one.run({"images", "*app:2"}) == 0);
    CHECK(one.out.str().find("org/app:2 ") != std::string::npos);
    CHECK(one.out.str().find("org/app:1 ") == std::string::npos);
    Client typed;
    typed.transport.steps = {{200, list}};
    CHECK(typed.run({"tree", "custom:*"}) == 0);
    CHECK(typed.out.str() == "imported  tool\n");
}

TEST_CASE("history is the layers of an image, the uppermost first") {
    Client client;
    client.transport.steps = {
        {200, record("READY", R"(,"layers":[{"digest":"sha256:aa","size":1024},{"digest":"sha256:bb","size":2048,"created_by":"RUN a \n b"}])")}};
    CHECK(client.run({"history", "u:1"}) == 0);
    CHECK(client.out.str() == "2.0KiB     sha256:bb  RUN a \\x0a b\n1.0KiB     sha256:aa\n");
    CHECK(client.transport.exchanges[0].url.find("?layers=1") != std::string::npos);
}
