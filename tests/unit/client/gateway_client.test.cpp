#include "unit/client/client_under_test.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace shifter;
using namespace shifter::client;
using namespace shifter::client::testing;

TEST_CASE("a request has the contract's URL, and a credential of its own (9.2)") {
    Client client;
    client.transport.steps = {{200, record("READY")}};
    CHECK(client.run({"lookup", "docker:reg:5000/a_b:1"}) == 0);
    REQUIRE(client.transport.exchanges.size() == 1);
    const Exchange & exchange = client.transport.exchanges[0];
    CHECK(exchange.url == "http://gw1:5000/api/lookup/alpha/docker/reg%3A5000%2Fa_b%3A1/");
    CHECK(exchange.credential == "credential1");
    CHECK_FALSE(exchange.is_post);
    CHECK(exchange.timeout == std::chrono::seconds{60});
    client.site.gateway_timeout = std::chrono::seconds{7};
    CHECK(client.run({"images"}) == 1);
    CHECK(client.transport.exchanges[1].url == "http://gw1:5000/api/list/alpha/?limit=1000");
    CHECK(client.transport.exchanges[1].timeout == std::chrono::seconds{7});
}

TEST_CASE("gateways are tried in turn, each with a fresh credential, until one says 200 (9.2)") {
    Client client;
    client.site.image_gateways = {"http://gw1:5000/", "http://gw2:5000", "http://gw3:5000"};
    client.transport.steps = {{0, ""}, {404, R"({"error":"no"})"}, {200, record("READY")}};
    CHECK(client.run({"lookup", "docker:x"}) == 0);
    CHECK(client.out.str() == "8d1f0c6b1e22\n");
    CHECK(client.err.str().empty());
    REQUIRE(client.transport.exchanges.size() == 3);
    std::set<std::string> urls;
    std::set<std::string> credentials;
    for (const Exchange & exchange : client.transport.exchanges) {
        urls.insert(exchange.url);
        credentials.insert(exchange.credential);
    }
    CHECK(urls.size() == 3);
    CHECK(credentials.size() == 3);
}

TEST_CASE("gateways are shuffled, so that each gets its share") {
    std::set<std::string> first;
    for (int i = 0; i < 60 && first.size() < 3; ++i) {
        Client client;
        client.site.image_gateways = {"http://gw1", "http://gw2", "http://gw3"};
        client.transport.steps = {{200, record("READY")}};
        (void)client.run({"lookup", "docker:x"});
        first.insert(client.transport.exchanges[0].url);
    }
    CHECK(first.size() == 3);
}

TEST_CASE("when none answers, the reason of each is on stderr, and stdout is empty") {
    Client client;
    client.transport.steps = {{0, ""}};
    CHECK(client.run({"lookup", "docker:x"}) == 1);
    CHECK(client.out.str().empty());
    CHECK(client.err.str() ==
          "shifterimg: cannot find docker:x: gateway http://gw1:5000 could not be contacted: Connection refused\n");
}

TEST_CASE("a refusal is told in the gateway's words, and the one that says most wins") {
    Client client;
    client.site.image_gateways = {"http://gw1", "http://gw2"};
    client.transport.steps = {{404, R"({"status":404,"error":"there is no such image","message":"Not Found: /x"})"},
                              {401, R"({"error":"the credential has expired"})"}};
    CHECK(client.run({"lookup", "docker:x"}) == 1);
    CHECK(client.err.str() == "shifterimg: cannot find docker:x: the credential has expired (401)\n");
    Client silent;
    silent.transport.steps = {{502, "<html>\x1b[2J"}};
    CHECK(silent.run({"images"}) == 1);
    CHECK(silent.err.str() == "shifterimg: the gateway refused (502)\n");
}

TEST_CASE("a site without a gateway or a system is told so (H9-4)") {
    Client client;
    client.site.image_gateways.clear();
    CHECK(client.run({"images"}) == 1);
    CHECK(client.err.str() == "shifterimg: the site names no image gateway (imageGateway in udiRoot.conf)\n");
    Client nameless;
    nameless.site.system.clear();
    CHECK(nameless.run({"images"}) == 1);
    CHECK(nameless.err.str() == "shifterimg: the site does not name this system (system in udiRoot.conf)\n");
}
