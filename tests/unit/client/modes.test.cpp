#include "unit/client/client_under_test.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace shifter;
using namespace shifter::client;
using namespace shifter::client::testing;

namespace {
const std::string at_ten = "2024-12-01T10:00:00 Pulling Image: docker:ubuntu:22.04, status: ";
}

TEST_CASE("lookup prints the identifier and nothing else, or nothing (9.3)") {
    Client client;
    client.transport.steps = {{200, record("READY")}};
    CHECK(client.run({"lookup", "ubuntu:22.04"}) == 0);
    CHECK(client.out.str() == "8d1f0c6b1e22\n");
    Client missing;
    missing.transport.steps = {{404, R"({"status":404,"error":"there is no such image, or you may not use it"})"}};
    CHECK(missing.run({"lookup", "ubuntu:22.04"}) == 1);
    CHECK(missing.out.str().empty());
    CHECK(missing.err.str() ==
          "shifterimg: cannot find docker:ubuntu:22.04: there is no such image, or you may not use it (404)\n");
}

TEST_CASE("each request says which machine asks, or which platform is meant") {
    Client client;
    client.transport.steps = {{200, record("READY")}};
    CHECK(client.run({"lookup", "ubuntu:22.04"}) == 0);
    CHECK(client.transport.exchanges.back().machine == "x86_64");
    CHECK(client.transport.exchanges.back().url == "http://gw1:5000/api/lookup/alpha/docker/ubuntu%3A22.04/");
    CHECK(client.run({"--platform=linux/arm64", "lookup", "ubuntu:22.04"}) == 0);
    CHECK(client.transport.exchanges.back().machine.empty());
    CHECK(client.transport.exchanges.back().url ==
          "http://gw1:5000/api/lookup/alpha/docker/ubuntu%3A22.04/?platform=linux%2Farm64");
    CHECK(client.run({"--platform=linux/arm64", "inspect", "ubuntu:22.04"}) == 0);
    CHECK(client.transport.exchanges.back().url ==
          "http://gw1:5000/api/lookup/alpha/docker/ubuntu%3A22.04/?layers=1&platform=linux%2Farm64");
    CHECK(client.run({"--platform=", "lookup", "ubuntu:22.04"}) == 1);
    CHECK(client.run({"--platforms", "inspect", "ubuntu:22.04"}) == 1);
}

TEST_CASE("lookup --platforms prints the identifiers on all platforms behind the own one") {
    Client client;
    client.transport.steps = {
        {200, record("READY", R"(,"platforms":{"linux/amd64":"8d1f0c6b1e22","linux/386":"aa"})")}};
    CHECK(client.run({"lookup", "--platforms", "ubuntu:22.04"}) == 0);
    CHECK(client.out.str() == "8d1f0c6b1e22\nlinux/386: aa\nlinux/amd64: 8d1f0c6b1e22\n");
    CHECK(client.transport.exchanges.back().url ==
          "http://gw1:5000/api/lookup/alpha/docker/ubuntu%3A22.04/?platforms=1");
}

TEST_CASE("on a system of several platforms the queue says which a pull is for, and --long when it was asked") {
    Client client;
    client.transport.steps = {
        {200, R"({"list":[{"status":"PULLING","image":"a:1","type":"docker","platform":"linux/386"}]})"}};
    CHECK(client.run({"queue"}) == 0);
    CHECK(client.out.str() == "PULLING      a:1 (linux/386)\n");
    Client lists;
    lists.transport.steps = {{200, "{\"list\":[" + record("READY", R"(,"size":1024,"platform":"linux/386")") + "]}"}};
    CHECK(lists.run({"--platform=all", "--long", "images"}) == 0);
    CHECK(lists.out.str() ==
          "alpha      docker     READY    8d1f0c6b1e   2024-12-01T10:00:00 ubuntu:22.04                  "
          " 1.0KiB    -            - linux/386\n");
}

TEST_CASE("images prints its lines, and nothing when there are none (9.3)") {
    Client client;
    client.transport.steps = {{200, "{\"list\":[" + record("READY") + "]}"}};
    CHECK(client.run({"images"}) == 0);
    CHECK(client.out.str() ==
          "alpha      docker     READY    8d1f0c6b1e   2024-12-01T10:00:00 ubuntu:22.04                  \n");
    Client none;
    none.transport.steps = {{200, R"({"list":[]})"}};
    CHECK(none.run({"images"}) == 0);
    CHECK(none.out.str().empty());
}

TEST_CASE("a verbose pull gives a workflow engine its state in the sixth word of the last line but one (9.3)") {
    Client client;
    client.transport.steps = {{200, record("INIT")}, {200, record("PULLING")}, {200, record("READY")}};
    CHECK(client.run({"-v", "pull", "docker:ubuntu:22.04"}) == 0);
    CHECK(client.out.str() == "Message: " + record("INIT") + "\n" + "Message: " + record("PULLING") + "\n" + at_ten +
                                  "PULLING\n" + "Message: " + record("READY") + "\n" + at_ten + "READY\n\n");
    CHECK(client.transport.exchanges[0].is_post);
    CHECK(client.transport.exchanges[0].url == "http://gw1:5000/api/pull/alpha/docker/ubuntu%3A22.04/");
}

TEST_CASE("without a terminal a pull prints each new state once, and no escapes (H9-9)") {
    Client client;
    client.transport.steps = {{200, record("INIT")},
                              {200, record("PENDING")},
                              {200, record("PULLING")},
                              {200, record("PULLING")},
                              {200, record("READY")}};
    CHECK(client.run({"pull", "ubuntu:22.04"}) == 0);
    CHECK(client.out.str() == at_ten + "PENDING\n" + at_ten + "PULLING\n" + at_ten + "READY\n");
}

TEST_CASE("a pull is asked about after a thirty-second part of its time, within a tenth of a second and a second") {
    Client client;
    const auto begin = client.now;
    SECTION("at first every tenth of a second") {
        client.transport.steps.assign(22, {200, record("PULLING")});
        client.transport.steps.push_back({200, record("READY")});
        CHECK(client.run({"pull", "ubuntu:22.04"}) == 0);
        CHECK(client.now - begin == std::chrono::milliseconds{2200});
    }
    SECTION("then less and less, but once a second") {
        client.transport.steps.assign(200, {200, record("PULLING")});
        client.transport.steps.push_back({200, record("READY")});
        CHECK(client.run({"pull", "ubuntu:22.04"}) == 0);
        // 32 polls to 3.2 s, some 75 to 32 s, a second each from there.
        CHECK(client.now - begin > std::chrono::seconds{115});
        CHECK(client.now - begin < std::chrono::seconds{135});
    }
}

TEST_CASE("on a terminal one line is drawn over, with how far the pull is, and ended with the pull (9.3)") {
    Client client;
    client.is_terminal = true;
    const std::string half = R"(,"progress":{"bytes_done":5242880,"bytes_total":10485760})";
    client.transport.steps = {{200, record("INIT")}, {200, record("PULLING", half)}, {200, record("READY")}};
    CHECK(client.run({"pull", "ubuntu:1"}) == 0);
    const std::string begin = "\r\x1b[2K2024-12-01T10:00:00 Pulling Image: docker:ubuntu:1, status: ";
    CHECK(client.out.str() == begin + "PULLING  5.0 of 10." + begin + "READY\n"); // 79 columns of 80
}

TEST_CASE("a pull that fails exits 1, with the gateway's reason on stderr (H9-5)") {
    Client client;
    client.transport.steps = {
        {200, record("INIT")},
        {200, record("FAILURE", R"x(,"status_message":"registry-1.docker.io does not have it (404)")x")}};
    CHECK(client.run({"pull", "ubuntu:22.04"}) == 1);
    CHECK(client.out.str() == at_ten + "FAILURE\n");
    CHECK(client.err.str() ==
          "shifterimg: cannot pull docker:ubuntu:22.04: registry-1.docker.io does not have it (404)\n");
    Client whole;
    whole.transport.steps = {{200, record("FAILURE", R"x(,"status_message":"cannot pull ubuntu:22.04: no (403)")x")}};
    CHECK(whole.run({"pull", "ubuntu:22.04"}) == 1);
    CHECK(whole.err.str() == "shifterimg: cannot pull ubuntu:22.04: no (403)\n");
    Client mute;
    mute.transport.steps = {{200, R"({"status":"FAILURE"})"}};
    CHECK(mute.run({"pull", "ubuntu:22.04"}) == 1);
    CHECK(mute.err.str() == "shifterimg: cannot pull docker:ubuntu:22.04: the gateway says FAILURE\n");
}

TEST_CASE("an image that is there already is one request and one line") {
    Client client;
    client.transport.steps = {{200, record("READY")}};
    CHECK(client.run({"pull", "ubuntu:22.04"}) == 0);
    CHECK(client.transport.exchanges.size() == 1);
    CHECK(client.out.str() == at_ten + "READY\n");
}

TEST_CASE(
    "R2: a gateway that restarts during a pull is waited for, and one that stays away is not waited for for ever") {
    Client client;
    client.transport.steps = {{200, record("INIT")}, {0, ""}, {503, "{}"}, {200, record("READY")}};
    CHECK(client.run({"pull", "ubuntu:22.04"}) == 0);
    Client lost;
    lost.transport.steps = {{200, record("INIT")}, {200, record("PULLING")}, {0, ""}};
    CHECK(lost.run({"pull", "ubuntu:22.04"}) == 1);
    CHECK(lost.err.str() == "shifterimg: cannot pull docker:ubuntu:22.04: the gateway was lost while the pull was "
                            "under way: gateway http://gw1:5000 could not be "
                            "contacted: Connection refused\n");
    CHECK(lost.transport.exchanges.size() < 40);
    Client refused;
    refused.transport.steps = {{200, record("INIT")}, {401, R"({"error":"expired"})"}};
    CHECK(refused.run({"-v", "pull", "ubuntu:22.04"}) == 1);
    CHECK(refused.transport.exchanges.size() == 2);
    CHECK(refused.out.str() ==
          "Message: " + record("INIT") + "\nGot response: 401\nMessage: {\"error\":\"expired\"}\n");
}

TEST_CASE("pullnb asks once: 0 on its way or READY, 1 for a failure (H9-6)") {
    auto [state, status] =
        GENERATE(table<std::string, int>({{"INIT", 0}, {"PULLING", 0}, {"READY", 0}, {"FAILURE", 1}}));
    Client client;
    client.transport.steps = {{200, record(state)}};
    CHECK(client.run({"pullnb", "ubuntu:22.04"}) == status);
    CHECK(client.transport.exchanges.size() == 1);
    CHECK(client.out.str() == at_ten + state + "\n");
}

TEST_CASE("readers go into the body of a pull, and a misspelt one sends nothing (H9-1, H9-2)") {
    Client client;
    client.transport.steps = {{200, record("READY")}};
    CHECK(client.run({"-u", "12", "-g", "34", "pull", "ubuntu:22.04"}) == 0);
    CHECK(client.transport.exchanges[0].body == R"({"allowed_uids":"12","allowed_gids":"34"})");
    CHECK(client.run({"-u", "12,no-such-account", "pull", "ubuntu:22.04"}) == 1);
    CHECK(client.transport.exchanges.size() == 1);
}

TEST_CASE("a pull that names readers ends when they are let in, and says when they are not (7.5)") {
    const std::string owner_only = R"(,"private":true,"userACL":[10],"groupACL":[])";
    const std::string shared = R"(,"private":true,"userACL":[10,12],"groupACL":[34])";
    Client client;
    client.transport.steps = {{200, record("READY", owner_only)},
                              {200, record("READY", owner_only)},
                              {200, record("PULLING")},
                              {200, record("READY", shared)}};
    CHECK(client.run({"-u", "12", "-g", "34", "pull", "ubuntu:22.04"}) == 0);
    CHECK(client.transport.exchanges.size() == 4);
    CHECK(client.err.str().empty());
    Client refused;
    refused.transport.steps = {{200, record("READY", owner_only)}};
    CHECK(refused.run({"-u", "12", "pull", "ubuntu:22.04"}) == 1);
    CHECK(refused.err.str() ==
          "shifterimg: cannot pull docker:ubuntu:22.04: the image is there, but the gateway did not "
          "let its new readers in; try again in a while\n");
    Client everybodys;
    everybodys.transport.steps = {{200, record("READY", R"(,"private":false)")}};
    CHECK(everybodys.run({"-u", "12", "pull", "ubuntu:22.04"}) == 0);
    CHECK(everybodys.err.str() == "shifterimg: docker:ubuntu:22.04 is public: everybody may use it, and --user and "
                                  "--group change nothing\n");
}

TEST_CASE("a login is stored sealed, goes along with pulls alone, and is forgotten (9.4)") {
    Client client;
    client.answers = {"ann", "pass:word"};
    client.transport.steps = {{200, R"({"status":"accepted"})"}};
    CHECK(client.run({"login", "reg.example.org"}) == 0);
    CHECK(client.transport.exchanges.back().url == "http://gw1:5000/api/login/alpha/reg.example.org/");
    CHECK(client.transport.exchanges.back().body.empty()); // I36: the login is in the credential alone
    CHECK(client.sent_locations == std::vector{auth::AuthorizedLocations{{"reg.example.org", "ann:pass:word"}}});
    client.sent_locations.clear();
    CHECK(client.prompts ==
          std::vector<std::string>{"reg.example.org username: ", "reg.example.org password: (hidden)"});
    CHECK(client.out.str().empty());
    CHECK(client.err.str() == "login of ann for reg.example.org is stored in " + client.home.path() +
                                  "/.udiRoot/.cred; the registry has accepted it\n");
    client.transport.steps = {{200, record("READY")}};
    CHECK(client.run({"pull", "x:1"}) == 0);
    CHECK(client.run({"lookup", "x:1"}) == 0);
    REQUIRE(client.sent_locations.size() == 2);
    CHECK(client.sent_locations[0] == auth::AuthorizedLocations{{"reg.example.org", "ann:pass:word"}});
    CHECK(client.sent_locations[1].empty());
    CHECK(client.run({"logout", "reg.example.org"}) == 0);
    CHECK(client.run({"logout", "reg.example.org"}) == 1);
    CHECK(client.run({"pull", "x:1"}) == 0);
    CHECK(client.sent_locations[2].empty());
}

TEST_CASE("a login takes its password from stdin when asked to, and nothing half is stored (H9-11)") {
    Client client;
    client.in.str("s3cret\r\n");
    CHECK(client.run({"--username", "ann", "login", "--password-stdin", "--no-verify"}) == 0);
    CHECK(client.transport.exchanges.empty());
    CHECK(client.prompts.empty());
    client.transport.steps = {{200, record("READY")}};
    (void)client.run({"pull", "x:1"});
    CHECK(client.sent_locations[0] == auth::AuthorizedLocations{{"default", "ann:s3cret"}});
    Client empty;
    CHECK(empty.run({"login"}) == 1);
    CHECK(empty.err.str() == "shifterimg: no user name was given; nothing was stored\n");
    empty.answers = {"ann", ""};
    CHECK(empty.run({"login"}) == 1);
    empty.answers = {"a:b", "x"};
    CHECK(empty.run({"login"}) == 1);
    CHECK(empty.run({"login", "a=b"}) == 1);
    CHECK_FALSE(std::filesystem::exists(empty.home / ".udiRoot"));
}

TEST_CASE("expire says why it did nothing (H9-7)") {
    auto [verb, body, status, err] = GENERATE(table<std::vector<std::string>, std::string, int, std::string>({
        {{"expire", "x:1"}, R"({"status":true})", 0, ""},
        {{"expire", "x:1"},
         R"({"status":false})",
         1,
         "shifterimg: cannot expire docker:x:1: you are not one of this system's admins\n"},
        {{"expire", "x:1"}, R"({"status":null})", 1, "shifterimg: cannot expire docker:x:1: there is no such image\n"},
        {{"autoexpire"}, R"({"status":["ab"]})", 0, ""},
        {{"autoexpire"},
         R"({"status":false})",
         1,
         "shifterimg: cannot expire images: you are not one of this system's admins\n"},
    }));
    Client client;
    client.transport.steps = {{200, body}};
    CHECK(client.run(verb) == status);
    CHECK(client.out.str().empty());
    CHECK(client.err.str() == err);
}

TEST_CASE("inspect prints the record, and queue the pulls on their way") {
    Client client;
    client.transport.steps = {{200, R"({"id":"ab","n":1.5})"}};
    CHECK(client.run({"inspect", "x:1"}) == 0);
    CHECK(client.out.str() == "{\n  \"id\": \"ab\",\n  \"n\": 1.5\n}\n");
    Client queue;
    queue.transport.steps = {{200, R"({"list":[{"status":"PULLING","image":"ubuntu:22.04"}]})"}};
    CHECK(queue.run({"queue"}) == 0);
    CHECK(queue.out.str() == "PULLING      ubuntu:22.04\n");
}

TEST_CASE("the option --help and --version need no site, and end well") {
    Client client;
    client.site.image_gateways.clear();
    CHECK(client.run({"--help"}) == 0);
    const std::string help = client.out.str();
    CHECK(help.substr(help.size() - 19) == "See shifterimg(1).\n");
    CHECK(client.err.str().empty());
    client.out.str("");
    CHECK(client.run({"--version"}) == 0);
    CHECK(client.out.str().rfind("shifterimg ", 0) == 0);
}

TEST_CASE("a mistake in the command is one line and the usage, on stderr, with status 1 (9.1)") {
    Client client;
    CHECK(client.run({"frob"}) == 1);
    CHECK(client.out.str().empty());
    CHECK(client.err.str() == "shifterimg: \"frob\" is no mode\nusage: shifterimg [options] <mode> [[type:]tag | "
                              "location]; see shifterimg --help\n");
    Client bad;
    CHECK(bad.run({"lookup", "docker:a b"}) == 1);
    CHECK(bad.err.str().rfind("shifterimg: cannot use \"docker:a b\": the character \" \" cannot stand in an image "
                              "name; give type and tag, as in docker:ubuntu:22.04\nusage: ",
                              0) == 0);
    Client untyped;
    untyped.site.default_image_type.reset();
    CHECK(untyped.run({"lookup", "ubuntu"}) == 1);
}

TEST_CASE("a login that the registry refuses is not stored, and one that nobody can check is, and it is said so") {
    auto [step, status, words, is_stored] = GENERATE(table<FakeTransport::Step, int, std::string, bool>({
        {{200, R"({"status":"accepted"})"}, 0, "; the registry has accepted it", true},
        {{200, R"({"status":"not needed"})"},
         0,
         "; the registry lets everybody in, and did not say whether it is right",
         true},
        {{403, R"({"error":"reg refused the login"})"},
         1,
         "cannot log in: reg refused the login (403); nothing was stored",
         false},
        {{502, R"({"error":"reg is gone"})"}, 1, "(502); nothing was stored (--no-verify stores it unchecked)", false},
        {{0, ""}, 1, "nothing was stored (--no-verify stores it unchecked)", false},
        {{404, R"({"error":"there is no such route; GET / lists them"})"}, 0, "; the gateway cannot check it", true},
    }));
    Client client;
    client.answers = {"ann", "secret"};
    client.transport.steps = {step};
    CHECK(client.run({"login", "reg"}) == status);
    INFO(client.err.str());
    CHECK(client.err.str().find(words) != std::string::npos);
    CHECK(client.err.str().find("secret") == std::string::npos);
    CHECK(std::filesystem::exists(client.home / ".udiRoot/.cred") == is_stored);
}

TEST_CASE("logins of other programs go along for their registry alone, and only where none is stored") {
    Client client;
    std::filesystem::create_directory(client.home / ".docker");
    std::ofstream{client.home / ".docker/config.json"}
        << R"({"auths":{"reg.example.org":{"auth":"YW5uOnB3"},"x.org":{"auth":"eDp5"}}})";
    client.transport.steps = {{200, record("READY")}};
    CHECK(client.run({"pull", "reg.example.org/app:1"}) == 0);
    CHECK(client.sent_locations.back() == auth::AuthorizedLocations{{"reg.example.org", "ann:pw"}});
    CHECK(client.run({"pull", "ubuntu:22.04"}) == 0);
    CHECK(client.sent_locations.back().empty());
    client.answers = {"own", "own"};
    CHECK(client.run({"--no-verify", "login", "reg.example.org"}) == 0);
    CHECK(client.run({"pull", "reg.example.org/app:1"}) == 0);
    CHECK(client.sent_locations.back() == auth::AuthorizedLocations{{"reg.example.org", "own:own"}});
}

TEST_CASE("a failed pull says when a credential helper has the login that it did not use") {
    Client client;
    std::filesystem::create_directory(client.home / ".docker");
    std::ofstream{client.home / ".docker/config.json"} << R"({"credHelpers":{"reg.example.org":"ecr-login"}})";
    client.transport.steps = {{200, record("FAILURE", R"(,"status_message":"reg.example.org refused access")")}};
    CHECK(client.run({"pull", "reg.example.org/app:1"}) == 1);
    CHECK(client.err.str() ==
          "shifterimg: cannot pull docker:reg.example.org/app:1: reg.example.org refused access "
          "(~/.docker/config.json leaves the login for reg.example.org to a credential helper (ecr-login), "
          "which is not run; use shifterimg login reg.example.org)\n");
}

TEST_CASE("readers are shared with by numbers, before the mode or behind the image, and nobody is a mistake") {
    Client client;
    client.transport.steps = {{200, record("READY")}};
    CHECK(client.run({"share", "a:1", "--user", "12,13", "-g", "14"}) == 0);
    CHECK(client.transport.exchanges.back().url == "http://gw1:5000/api/share/alpha/docker/a%3A1/");
    CHECK(client.transport.exchanges.back().body == R"({"allowed_uids":"12,13","allowed_gids":"14"})");
    CHECK(client.run({"--user=12", "unshare", "a:1"}) == 0);
    CHECK(client.transport.exchanges.back().body == R"({"allowed_uids":"12","allowed_gids":""})");
    CHECK(client.run({"unshare", "a:1"}) == 0);
    CHECK(client.run({"chown", "12", "a:1"}) == 0);
    CHECK(client.transport.exchanges.back().url == "http://gw1:5000/api/chown/alpha/docker/a%3A1/");
    CHECK(client.transport.exchanges.back().body == R"({"owner":12})");
    const std::size_t sent = client.transport.exchanges.size();
    CHECK(client.run({"share", "a:1"}) == 1);
    CHECK(client.run({"share", "a:1", "--user"}) == 1);
    CHECK(client.run({"share", "a:1", "--user", "no-such-user"}) == 1);
    CHECK(client.run({"chown", "a:1"}) == 1);
    CHECK(client.run({"chown", "12,13", "a:1"}) == 1);
    CHECK(client.run({"images", "--dry-run"}) == 1);
    CHECK(client.transport.exchanges.size() == sent);
}

TEST_CASE("rm says what is left, a dry run what would be") {
    auto [left, words] = GENERATE(table<std::string, std::string>({
        {"tag", "docker:a:1: your claim is given up; others still want the tag\n"},
        {"image", "docker:a:1: the tag is removed; other tags keep the image\n"},
        {"nothing", "docker:a:1: the image is removed\n"},
    }));
    Client client;
    client.transport.steps = {{200, R"({"status":true,"left":")" + left + "\"}"}};
    CHECK(client.run({"rm", "a:1"}) == 0);
    CHECK(client.err.str() == words);
    CHECK(client.transport.exchanges.back().is_post);
    CHECK(client.run({"rm", "a:1", "--dry-run"}) == 0);
    CHECK(client.transport.exchanges.back().url == "http://gw1:5000/api/remove/alpha/docker/a%3A1/?dry_run=1");
}

TEST_CASE("an image is sent in pieces, the last one short, and followed to its end") {
    Client client;
    const std::string file = client.home / "app.tar";
    std::ofstream{file} << "0123456789";
    client.transport.steps = {{200, R"({"upload":"u","piece_bytes":4})"},
                              {200, "{}"},
                              {0, ""},
                              {200, "{}"},
                              {200, "{}"},
                              {200, R"({"status":"INIT","pull":7,"pulltag":"ann/app"})"},
                              {200, R"({"status":"READY"})"}};
    CHECK(client.run({"load", file}) == 0);
    std::vector<std::string> sent;
    for (const auto & each : client.transport.exchanges) sent.push_back(each.url.substr(20) + " " + each.body);
    CHECK(sent == std::vector<std::string>{"upload/alpha ", "upload/alpha/u/0 0123", "upload/alpha/u/4 4567",
                                           "upload/alpha/u/4 4567", "upload/alpha/u/8 89",
                                           R"(load/alpha/custom/app/ {"upload":"u","bytes":10})", "progress/alpha/7 "});
    CHECK(client.out.str().find("Pulling Image: custom:ann/app, status: READY\n") != std::string::npos);
    client.transport.steps = {{200, R"({"upload":"u","piece_bytes":400})"},
                              {200, "{}"},
                              {200, R"({"status":"READY","pull":8,"pulltag":"ann/app"})"}};
    client.transport.exchanges.clear();
    CHECK(client.run({"import", file, "app:2"}) == 0);
    CHECK(client.transport.exchanges.back().url.find("/api/doimport/alpha/custom/app%3A2/") != std::string::npos);
    CHECK(client.transport.exchanges.back().body == R"({"upload":"u","bytes":10,"format":"squashfs"})");
    CHECK(client.run({"import", client.home / "."}) == 1);
    CHECK(client.run({"load", "/nowhere"}) == 1);
    CHECK(client.run({"load"}) == 1);
    CHECK(client.run({"load", "-"}) == 1);
}
