#include "unit/api/gateway_under_test.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace shifter;
using namespace shifter::api;
using namespace shifter::api::testing;

TEST_CASE("the request that starts a pull says INIT, and its repetition how far it is (7.5)") {
    Gateway gateway;
    const Response first = gateway.post("/api/pull/alpha/docker/ubuntu%3A22.04/");
    REQUIRE(first.status == 200);
    CHECK(json_of(first)["status"] == "INIT");
    CHECK(json_of(first)["id"] == "MISSING");
    CHECK(json_of(gateway.post("/api/pull/alpha/docker/ubuntu:22.04"))["status"] == "PENDING");
    CHECK(gateway.catalog->queue("alpha").size() == 1);
    (void)samples::finish_next(*gateway.catalog, samples::image('c'), gateway.now);
    const auto ready = json_of(gateway.post("/api/pull/alpha/docker/ubuntu:22.04"));
    CHECK(ready["status"] == "READY");
    CHECK(ready["id"] == std::string(64, 'c'));
}

TEST_CASE("I34: a body that cannot be read whole starts no pull") {
    Gateway gateway;
    const Response response = gateway.post("/api/pull/alpha/docker/a:1", R"({"allowed_uids":"1002,bob"})");
    CHECK(response.status == 400);
    CHECK(json_of(response)["error"] == "cannot read the body of the request: allowed_uids: \"bob\" is not a number");
    CHECK(gateway.catalog->queue("alpha").empty());
}

TEST_CASE("readers of the body reach the pull, and the caller's group is not added (H7-9)") {
    Gateway gateway;
    (void)gateway.post("/api/pull/alpha/docker/a:1", R"({"allowed_uids":"1002","allowed_gids":"500"})");
    const auto pulls = gateway.catalog->queue("alpha");
    REQUIRE(pulls.size() == 1);
    CHECK(pulls[0].requested_acl == Acl{{1002}, {500}});
}

TEST_CASE("a name that no registry of the site can mean is refused in words") {
    Gateway gateway;
    auto [target, status] = GENERATE(table<std::string, int>({
        {"/api/pull/alpha/docker/evil.example.org/a:1", 400},
        {"/api/pull/alpha/docker/UPPER", 400},
        {"/api/pull/alpha/docker/a%20b", 400},
        {"/api/pull/alpha/docker/a;b", 400},
        {"/api/pull/alpha/docker/..%2F..%2Fetc", 400},
        {"/api/pull/alpha/custom/foo", 400},
        {"/api/pull/alpha/id/abc", 400},
    }));
    INFO(target);
    const Response response = gateway.post(target);
    CHECK(response.status == status);
    CHECK_FALSE(json_of(response)["error"].get<std::string>().empty());
    CHECK(gateway.catalog->queue("alpha").empty());
}

TEST_CASE("I33: the queue shows a pull that may be private to its requester and to admins alone") {
    Gateway gateway;
    (void)gateway.post("/api/pull/alpha/docker/org/secret:1", R"({"allowed_uids":"1003"})", ann);
    CHECK(json_of(gateway.get("/api/queue/alpha/", ann))["list"][0]["image"] == "org/secret:1");
    CHECK(json_of(gateway.get("/api/queue/alpha/", boss))["list"].size() == 1);
    CHECK(gateway.get("/api/queue/alpha/", bob).body == R"({"list":[]})");
    const auto pull = gateway.catalog->claim("here", gateway.now);
    REQUIRE(pull);
    gateway.catalog->set_access(pull->hold(), catalog::Access::open, gateway.now);
    CHECK(json_of(gateway.get("/api/queue/alpha/", bob))["list"].size() == 1);
}

TEST_CASE("who joins a pull is not told who else may read") {
    Gateway gateway;
    (void)gateway.post("/api/pull/alpha/docker/org/app:1", R"({"allowed_uids":"1003"})", ann);
    const auto pull = gateway.catalog->claim("here", gateway.now);
    gateway.catalog->set_access(pull->hold(), catalog::Access::open, gateway.now);
    CHECK(json_of(gateway.post("/api/pull/alpha/docker/org/app:1", "", bob))["userACL"] == nlohmann::json::array());
    CHECK(json_of(gateway.post("/api/pull/alpha/docker/org/app:1", R"({"allowed_uids":"1003"})", ann))["userACL"] ==
          nlohmann::json{1003});
}

TEST_CASE("the reason of a failed pull is in its record (H7-7)") {
    Gateway gateway;
    (void)gateway.post("/api/pull/alpha/docker/ubntu:1");
    const auto pull = gateway.catalog->claim("here", gateway.now);
    gateway.catalog->advance(pull->hold(), catalog::State::pulling, "Getting manifest", {}, gateway.now);
    gateway.catalog->fail(pull->hold(), "registry-1.docker.io does not have it (404)", false, gateway.now);
    const auto json = json_of(gateway.post("/api/pull/alpha/docker/ubntu:1"));
    CHECK(json["status"] == "FAILURE");
    CHECK(json["status_message"] == "registry-1.docker.io does not have it (404)");
}

TEST_CASE("imports are refused to who has no right (H7-24), and a request that says too little is 400") {
    Gateway gateway;
    const std::string target = "/api/doimport/alpha/custom/foo/";
    constexpr int no_uploads_here = 501; // this Api has no store: the right was there
    const std::string body = R"({"upload":"u","bytes":1,"format":"squashfs"})";
    CHECK(gateway.post(target, body).status == 403);
    gateway.settings.import_right = pull::ImportRight::listed;
    CHECK(gateway.post(target, body).status == 403);
    gateway.settings.importers = {"1001"};
    CHECK(gateway.post(target, body).status == no_uploads_here);
    CHECK(gateway.post(target, body, bob).status == 403);
    gateway.settings.importers = {"bob"};
    CHECK(gateway.post(target, body, bob).status == no_uploads_here);
    gateway.settings.import_right = pull::ImportRight::everybody;
    CHECK(gateway.post(target, body).status == no_uploads_here);
    CHECK(gateway.post(target, R"({"upload":"u","bytes":1})").status == 400);
    CHECK(gateway.post(target, R"({"upload":"u","bytes":1,"format":"xfs"})").status == 400);
    CHECK(gateway.post(target, "").status == 400);
    CHECK(gateway.post("/api/doimport/alpha/docker/foo/", body).status == 400);
}

TEST_CASE("a new pull leaves a line in the log, and a poll does not") {
    Gateway gateway;
    const auto audited = [&] {
        return std::count_if(gateway.lines.begin(), gateway.lines.end(), [](const std::string & line) {
            return line.find(" event=audit route=pull peer=127.0.0.1 image=docker:a:1 system=alpha caller=ann uid=1001 "
                             "pull=1 status=200 outcome=begun ms=") != std::string::npos;
        });
    };
    (void)gateway.post("/api/pull/alpha/docker/a:1");
    CHECK(audited() == 1);
    (void)gateway.post("/api/pull/alpha/docker/a:1");
    CHECK(audited() == 1);
}
