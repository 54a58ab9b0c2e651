#include "api/records.hpp"
#include "unit/catalog/samples.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace shifter;
using namespace shifter::api;
namespace samples = shifter::catalog::samples;

TEST_CASE("a record has every key of the contract, in its order and with its types (7.3)") {
    catalog::Image image = samples::image('a', true, {{1001, {{1002}, {500}}}});
    image.tags = {"ubuntu:22.04", "ubuntu:latest"};
    image.config.env = {"PATH=/usr/bin:/bin", "LANG=C"};
    image.config.entrypoint = std::vector<std::string>{"/bin/start"};
    image.config.workdir = "/app";
    image.last_pull = catalog::Time{std::chrono::milliseconds{1'733'000'000'250}};
    const std::string id(64, 'a');
    const std::string record = image_record(image);
    const std::string contract =
        R"({"id":")" + id +
        R"(","system":"alpha","itype":"docker","tag":["ubuntu:22.04","ubuntu:latest"],"status":"READY",)"
        R"("userACL":[1001,1002],"groupACL":[500],"ENV":["PATH=/usr/bin:/bin","LANG=C"],"ENTRY":["/bin/start"],)"
        R"("WORKDIR":"/app","LABELS":"MISSING","last_pull":1733000000.25,"status_message":"",)";
    CHECK(record.substr(0, contract.size()) == contract);
    const auto json = nlohmann::json::parse(record);
    CHECK(json["digest"] == "sha256:" + id);
    CHECK(json["size"] == 4096);
    CHECK(json["private"] == true);
}

TEST_CASE("last_pull always has a fraction, since old clients ignore integers (H9-10)") {
    catalog::Image image = samples::image('a');
    image.last_pull = catalog::Time{std::chrono::seconds{1'733'000'000}};
    CHECK(image_record(image).find("\"last_pull\":1733000000.0,") != std::string::npos);
}

TEST_CASE("what an image does not have is the text MISSING") {
    catalog::Image image = samples::image('b');
    image.config = {};
    const auto json = nlohmann::json::parse(image_record(image));
    for (const char * key : {"ENV", "ENTRY", "WORKDIR", "LABELS", "CMD"}) {
        INFO(key);
        CHECK(json[key] == "MISSING");
    }
    CHECK(json["userACL"] == nlohmann::json::array());
}

TEST_CASE("labels are an object, and bytes that are no UTF-8 do not break a record") {
    catalog::Image image = samples::image('b');
    image.config.labels = {{"org.title", "x"}, {"bad", "\xff"}};
    const auto json = nlohmann::json::parse(image_record(image));
    CHECK(json["LABELS"]["org.title"] == "x");
    CHECK(json["LABELS"]["bad"] == "\xef\xbf\xbd");
}

TEST_CASE("a pull on its way has no tag and no id, and tells how far it is (7.3)") {
    catalog::Pull pull;
    pull.number = 7;
    pull.key = {"alpha", ImageType::docker, "ubuntu:22.04"};
    pull.state = catalog::State::pulling;
    pull.message = "Getting layers";
    pull.created = catalog::Time{std::chrono::milliseconds{1'733'000'000'500}};
    pull.progress = {{{"sha256:ab", 5, 10}}, 5, 10};
    const std::string contract =
        R"({"id":"MISSING","system":"alpha","itype":"docker","tag":[],"status":"PULLING","userACL":[],"groupACL":[],)"
        R"("ENV":"MISSING","ENTRY":"MISSING","WORKDIR":"MISSING","LABELS":"MISSING","last_pull":1733000000.5,)"
        R"("status_message":"Getting layers",)";
    const std::string record = pull_record(pull);
    CHECK(record.substr(0, contract.size()) == contract);
    const auto json = nlohmann::json::parse(record);
    CHECK(json["progress"]["bytes_done"] == 5);
    CHECK(json["progress"]["layers"][0]["bytes_total"] == 10);
    const auto queued = nlohmann::json::parse(queue_record(pull));
    CHECK(queued["status"] == "PULLING");
    CHECK(queued["image"] == "ubuntu:22.04");
}

TEST_CASE("lists are JSON, empty ones as well") {
    CHECK(RecordList{}.finish() == R"({"list":[]})");
    RecordList two;
    two.add("{}");
    two.add("1");
    CHECK(std::move(two).finish() == R"({"list":[{},1]})");
    CHECK(status_list({}) == R"({"status":[]})");
    CHECK(status_list({"ab", "cd"}) == R"({"status":["ab","cd"]})");
    CHECK(metrics_list({}) == "[]");
    const catalog::MetricsRow row{"ann",
                                  1001,
                                  "alpha",
                                  ImageType::docker,
                                  "a:1",
                                  "8d1f",
                                  catalog::Time{std::chrono::milliseconds{1'733'000'000'100}}};
    CHECK(
        metrics_list({row}) ==
        R"([{"user":"ann","uid":1001,"system":"alpha","type":"docker","tag":"a:1","id":"8d1f","time":1733000000.1}])");
}

TEST_CASE("what the layers hold and the image does not is in its record, in numbers and in words") {
    catalog::Image image = samples::image('a');
    CHECK_FALSE(nlohmann::json::parse(image_record(image)).contains("dropped")); // converted by an earlier release
    image.dropped = catalog::Dropped{.devices = 1, .setid_bits = 2, .xattrs = 0};
    image.layers[0].created_by = "RUN make";
    const auto json = nlohmann::json::parse(image_record(image, {.owner = true, .layers = true}));
    CHECK(json["dropped"] == nlohmann::json{{"devices", 1}, {"setid_bits", 2}, {"xattrs", 0}});
    CHECK(json["status_message"] == "1 device and 2 set-id bits of its layers were left out");
    CHECK(json["layers"][0]["created_by"] == "RUN make");
}
