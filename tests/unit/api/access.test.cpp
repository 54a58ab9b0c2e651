#include "unit/api/gateway_under_test.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace shifter;
using namespace shifter::api;
using namespace shifter::api::testing;

namespace {

/** A path of each route. */
std::string example(const Route & route) {
    std::string path{route.pattern};
    const auto put = [&](const std::string & name, const std::string & value) {
        if (const auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), value);
    };
    put("{system}", "alpha");
    put("{type}", "docker");
    put("{tag...}", "org/app:1");
    put("{file}", "status.js");
    return path;
}

/** What a reader of the log takes for fields: all that is not inside double quotes. */
std::string outside_quotes(const std::string & line) {
    std::string text;
    bool inside = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (inside && line[i] == '\\')
            ++i;
        else if (line[i] == '"')
            inside = !inside;
        else if (!inside)
            text += line[i];
    }
    CHECK_FALSE(inside);
    return text;
}

} // namespace

TEST_CASE("I32: without a good credential every route but the open ones answers 401 (H7-1, H7-2)") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a');
    const std::string bad =
        GENERATE(as<std::string>{}, "", "bad", "good:", "good:ann", "MUNGE:AwQD:", "good:ann:ann:t:x:y");
    for (const Route & route : Api::routes()) {
        INFO(route.pattern << " with " << bad);
        const Response response = gateway.send(route.method, example(route), bad, "");
        if (route.access == Access::open) {
            CHECK(response.status == 200);
        } else {
            CHECK(response.status == 401);
            CHECK(json_of(response)["status"] == 401);
            CHECK(response.content_type == std::string{"application/json"});
        }
    }
    CHECK(gateway.catalog->queue("alpha").empty());
}

TEST_CASE("I32: nothing but the credential says who asks") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a', 1001, true);
    Request request{.method = Method::get,
                    .target = "/api/lookup/alpha/docker/org/app:1?uid=1001&user=ann",
                    .headers = {},
                    .body = R"({"uid":1001})",
                    .peer = "10.0.0.1",
                    .id = "1"};
    request.headers = {{"authentication", bob}, {"x-remote-user", "ann"}, {"authorization", "Basic YW5uOng="}};
    CHECK(gateway.api.handle(request).status == 404);
    request.headers = {{"authentication", bob}, {"authentication", ann}};
    CHECK(gateway.api.handle(request).status == 401);
}

TEST_CASE("open routes say what they should") {
    Gateway gateway;
    CHECK(gateway.get("/api/status/", "").body == R"({"status":"up"})");
    CHECK(gateway.get("/healthz", "").status == 200);
    CHECK(gateway.get("/readyz", "").status == 200);
    const Response verbs = gateway.get("/", "");
    CHECK(verbs.content_type == std::string{"text/plain"});
    CHECK(verbs.body.find("POST /api/pull/{system}/{type}/{tag...}\n") != std::string::npos);
}

TEST_CASE("an image directory that cannot be written makes the service not ready") {
    Gateway gateway;
    gateway.settings.systems["alpha"].storage.directory = gateway.folder / "gone";
    const Response response = gateway.get("/readyz", "");
    CHECK(response.status == 503);
    CHECK(json_of(response)["error"] == "the image directory of system alpha cannot be written");
}

TEST_CASE("anonymous reading is a switch, and shows public images alone (H7-1)") {
    Gateway gateway{true};
    (void)gateway.publish(samples::key, 'a');
    (void)gateway.publish({"alpha", ImageType::docker, "org/secret:1"}, 'b', 1001, true);
    CHECK(json_of(gateway.get("/api/list/alpha", ""))["list"].size() == 1);
    CHECK(gateway.get("/api/lookup/alpha/docker/org/app:1", "").status == 200);
    CHECK(gateway.get("/api/lookup/alpha/docker/org/secret:1", "").status == 404);
    CHECK(gateway.get("/api/list/alpha", "bad").status == 401);
    CHECK(gateway.post("/api/pull/alpha/docker/org/app:1", "", "").status == 401);
    CHECK(gateway.get("/api/queue/alpha", "").status == 401);
    CHECK(gateway.get("/api/expire/alpha/docker/org/app:1", "").status == 401);
}

TEST_CASE("admin routes answer others as the contract has it, and change nothing (7.3)") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a');
    CHECK(gateway.get("/api/expire/alpha/docker/org/app:1", bob).body == R"({"status":false})");
    CHECK(gateway.get("/api/autoexpire/alpha", bob).body == R"({"status":false})");
    CHECK(gateway.get("/api/metrics/alpha", bob).body == "[]");
    CHECK(gateway.get("/api/lookup/alpha/docker/org/app:1").status == 200);
    SECTION("names of admins are compared whole (H7-23)") {
        CHECK(gateway.get("/api/autoexpire/alpha", credential("bos", 1)).body == R"({"status":false})");
        CHECK(gateway.get("/api/autoexpire/alpha", credential("boss2", 1)).body == R"({"status":false})");
    }
    SECTION("an admin of one system is none of another") {
        CHECK(gateway.get("/api/autoexpire/beta", boss).body == R"({"status":false})");
    }
}

TEST_CASE("errors are JSON with the status, the reason and the path (7.2, H7-3)") {
    Gateway gateway;
    auto [target, status, error, message] = GENERATE(table<std::string, int, std::string, std::string>({
        {"/api/lookup/alpha/docker/no/such:1/?x=1", 404, "there is no such image, or you may not use it",
         "Not Found: /api/lookup/alpha/docker/no/such:1/"},
        {"/nowhere", 404, "there is no such route; GET / lists them", "Not Found: /nowhere"},
        {"/api/list/gamma/", 404, "this gateway does not serve a system \"gamma\"", "Not Found: /api/list/gamma/"},
        {"/api/pull/alpha/docker/a:1", 405, "this path does not take that method",
         "Method Not Allowed: /api/pull/alpha/docker/a:1"},
        {"/api/lookup/alpha/rocket/a:1", 400,
         "cannot use \"a:1\": \"rocket\" is not an image type (docker, custom, id, local)",
         "Bad Request: /api/lookup/alpha/rocket/a:1"},
        {"/api/lookup/alpha/docker/a%z", 400,
         "cannot read the path: tag: a % is not followed by two hexadecimal digits",
         "Bad Request: /api/lookup/alpha/docker/a%z"},
        {"/api/lookup/alpha/local/%2Fetc", 400,
         "an image of type local is a directory of the node; the gateway has none",
         "Bad Request: /api/lookup/alpha/local/%2Fetc"},
    }));
    const Response response = gateway.get(target);
    INFO(target);
    CHECK(response.status == status);
    const auto json = json_of(response);
    CHECK(json["status"] == status);
    CHECK(json["error"] == error);
    CHECK(json["message"] == message);
}

TEST_CASE("each error has its status, in one table") {
    using registry::Cause;
    using registry::RegistryError;
    CHECK(status_of(Refusal{418, "x"}) == 418);
    CHECK(status_of(RegistryError{Cause::not_found, "x"}) == 404);
    CHECK(status_of(RegistryError{Cause::denied, "x"}) == 403);
    CHECK(status_of(RegistryError{Cause::unreachable, "x"}) == 502);
    CHECK(status_of(RegistryError{Cause::over_limit, "x"}) == 413);
    CHECK(status_of(SysError{ENOSPC, "x"}) == 507);
    CHECK(status_of(SysError{EIO, "x"}) == 500);
    CHECK(status_of(std::bad_alloc{}) == 503);
    CHECK(status_of(Error{"x"}) == 500);
}

TEST_CASE("what breaks inside is for the log, the caller gets the request's id") {
    Gateway gateway;
    Api::Parts parts{.settings = gateway.settings,
                     .catalog = *gateway.catalog,
                     .submit = [](auto &&...) -> catalog::Enqueued { throw Error{"cannot open \"/secret/place\""}; },
                     .authenticators = {},
                     .now = [] { return samples::noon; }};
    parts.authenticators["alpha"] = auth::mock_authenticator();
    Api api{std::move(parts)};
    const Response response = api.handle({.method = Method::post,
                                          .target = "/api/pull/alpha/docker/a:1",
                                          .headers = {{"authentication", ann}},
                                          .body = "",
                                          .peer = "::1",
                                          .id = "id9"});
    CHECK(response.status == 500);
    CHECK(json_of(response)["error"] == "the gateway failed; its log has the reason under request id9");
    CHECK(std::any_of(gateway.lines.begin(), gateway.lines.end(), [](const std::string & line) {
        return line.find("request=id9") == 0 && line.find("/secret/place") != std::string::npos;
    }));
}

TEST_CASE("I35: no request adds a line or a field to the log") {
    Gateway gateway;
    (void)gateway.get("/api/lookup/alpha/docker/a\nrequest=forged status=200");
    (void)gateway.get("/api/lookup/alpha/docker/a%0Arequest=forged");
    for (const std::string & line : gateway.lines) {
        INFO(line);
        CHECK(line.find('\n') == std::string::npos);
        CHECK(line.rfind("request=request1 ", 0) == 0);
        CHECK(outside_quotes(line).find(" status=200") == std::string::npos);
    }
    CHECK(field("name", "a b") == " name=\"a b\"");
    CHECK(field("name", "a=b") == " name=\"a=b\"");
}
