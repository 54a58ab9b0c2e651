// shifterimg --json: one document a command, on stdout; the exit status says the cause.
#include "unit/client/client_under_test.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace shifter;
using namespace shifter::client;
using namespace shifter::client::testing;
using nlohmann::json;

namespace {

const std::string full = record(
    "READY",
    R"(,"digest":"sha256:ab","indexes":{"ubuntu:22.04":"sha256:12"},"size":4096,"owner":1001,"private":true,"userACL":[1001],"groupACL":[],)"
    R"("platform":"linux/amd64","reference":"docker.io/library/ubuntu:22.04","expiration":null,)"
    R"("layers":[{"digest":"sha256:cd","diff_id":"sha256:ef","size":17,"created_by":"RUN x"}])");

json answer(Client & client, std::vector<std::string> words, int status = 0) {
    words.insert(words.begin(), "--json");
    CHECK(client.run(std::move(words)) == status);
    INFO(client.out.str());
    return json::parse(client.out.str());
}

json answer_to(const std::string & body, std::vector<std::string> words) {
    Client client;
    client.transport.steps = {{200, body}};
    return answer(client, std::move(words));
}

const json image = {{"id", "8d1f0c6b1e22"},
                    {"system", "alpha"},
                    {"type", "docker"},
                    {"tags", {"ubuntu:22.04"}},
                    {"state", "READY"},
                    {"digest", "sha256:ab"},
                    {"indexes", {{"ubuntu:22.04", "sha256:12"}}},
                    {"reference", "docker.io/library/ubuntu:22.04"},
                    {"platform", "linux/amd64"},
                    {"size", 4096},
                    {"owner", 1001},
                    {"private", true},
                    {"users", {1001}},
                    {"groups", json::array()},
                    {"last_pull", 1733047200.5},
                    {"expiration", nullptr}};

} // namespace

TEST_CASE("each command answers in its documented form") {
    CHECK(answer_to("{\"list\":[" + full + "]}", {"images"}) == json{{"images", {image}}});
    CHECK(answer_to(full, {"lookup", "u:1"}) == json{{"image", image}});
    const json layers = {{{"digest", "sha256:cd"}, {"diff_id", "sha256:ef"}, {"size", 17}, {"created_by", "RUN x"}}};
    const json inspected = answer_to(full, {"inspect", "u:1"});
    CHECK(inspected["image"]["layers"] == layers);
    CHECK(inspected["record"]["itype"] == "docker");
    CHECK(answer_to(full, {"history", "u:1"}) == json{{"image", "docker:u:1"}, {"layers", layers}});
    CHECK(answer_to("{\"list\":[" + full + "]}", {"tree"}) ==
          json{{"tree",
                {{{"digest", "sha256:cd"}, {"size", 17}, {"images", {"ubuntu:22.04"}}, {"children", json::array()}}}}});
    CHECK(answer_to(R"({"list":[{"status":"PULLING","image":"u:1","type":"docker","pull":7,"status_message":"x",)"
                    R"("progress":{"bytes_done":1,"bytes_total":2}}]})",
                    {"queue"}) == json{{"queue",
                                        {{{"pull", 7},
                                          {"image", "u:1"},
                                          {"type", "docker"},
                                          {"state", "PULLING"},
                                          {"message", "x"},
                                          {"bytes_done", 1},
                                          {"bytes_total", 2}}}}});
    CHECK(answer_to(full, {"pull", "u:1"}) == json{{"pulls",
                                                    {{{"image", "docker:u:1"},
                                                      {"state", "READY"},
                                                      {"id", "8d1f0c6b1e22"},
                                                      {"digest", "sha256:ab"},
                                                      {"message", ""},
                                                      {"error", nullptr}}}}});
    CHECK(answer_to(record("PULLING"), {"pullnb", "u:1"})["pulls"][0]["state"] == "PULLING");
    CHECK(answer_to(R"({"status":true})", {"expire", "u:1"}) == json{{"done", "expire"}, {"argument", "u:1"}});
    CHECK(answer_to(R"({"status":["ab"]})", {"autoexpire"}) == json{{"removed", {"ab"}}});
}

TEST_CASE("what an older gateway does not say is null") {
    const json old = answer_to(record("READY"), {"lookup", "u:1"})["image"];
    for (const char * key : {"digest", "reference", "platform", "owner", "expiration"}) {
        INFO(key);
        CHECK(old[key].is_null());
    }
    CHECK(old["indexes"] == json::object());
}

TEST_CASE("with --json each cause has its exit status and an error on stdout, without it all are 1 (9.3)") {
    auto [words, http_status, body, cause, status] =
        GENERATE(table<std::vector<std::string>, int, std::string, std::string, int>({
            {{"lookup", "u:1"}, 404, R"({"error":"no"})", "not_found", 3},
            {{"lookup", "u:1"}, 401, R"({"error":"no"})", "unauthenticated", 4},
            {{"lookup", "u:1"}, 403, R"({"error":"no"})", "refused", 5},
            {{"lookup", "u:1"}, 0, "", "unreachable", 6},
            {{"lookup", "u:1"}, 503, "{}", "unreachable", 6},
            {{"lookup", "u:1"}, 500, "{}", "gateway_fault", 7},
            {{"lookup", "u:1"}, 200, "no json", "failed", 1},
            {{"lookup", "a b"}, 200, "", "usage", 2},
            {{"frobnicate"}, 200, "", "usage", 2},
            {{"expire", "u:1"}, 200, R"({"status":false})", "refused", 5},
            {{"expire", "u:1"}, 200, R"({"status":null})", "not_found", 3},
            {{"images"}, 0, "", "unreachable", 6},
        }));
    Client client;
    client.transport.steps = {{http_status, body}};
    const json error = answer(client, words, status)["error"];
    CHECK(error["cause"] == cause);
    CHECK(error["status"] == status);
    CHECK(client.err.str().find("shifterimg: " + error["message"].get<std::string>() + "\n") == 0);
    Client plain;
    plain.transport.steps = {{http_status, body}};
    CHECK(plain.run(words) == 1);
    CHECK(plain.out.str().empty());
}

TEST_CASE("of several pulls the document tells each end, and nothing is on stdout before it") {
    Client client;
    client.transport.steps = {{200, record("INIT")},
                              {404, R"({"error":"no such registry"})"},
                              {200, record("PULLING")},
                              {200, record("FAILURE", R"(,"status_message":"a layer is broken")")}};
    const json pulls = answer(client, {"pull", "a:1", "b:1"}, 1)["pulls"];
    REQUIRE(pulls.size() == 2);
    CHECK(pulls[0]["state"] == "FAILURE");
    CHECK(pulls[0]["error"]["cause"] == "failed");
    CHECK(pulls[0]["error"]["message"] == "cannot pull docker:a:1: a layer is broken");
    CHECK(pulls[1]["error"]["cause"] == "not_found");
    CHECK(client.err.str() == "shifterimg: cannot pull docker:a:1: a layer is broken\n"
                              "shifterimg: cannot pull docker:b:1: no such registry (404)\n");
}
