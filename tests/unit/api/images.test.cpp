#include "unit/api/gateway_under_test.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace shifter;
using namespace shifter::api;
using namespace shifter::api::testing;

TEST_CASE("an image is looked up by its tag, with :latest understood, and by its id") {
    Gateway gateway;
    (void)gateway.publish({"alpha", ImageType::docker, "org/app:latest"}, 'a');
    const std::string target = GENERATE(as<std::string>{}, "/api/lookup/alpha/docker/org/app:latest/",
                                        "/api/lookup/alpha/docker/org%2Fapp/", "/api/lookup/alpha/docker/org/app");
    INFO(target);
    const Response response = gateway.get(target);
    REQUIRE(response.status == 200);
    CHECK(json_of(response)["id"] == std::string(64, 'a'));
    CHECK(json_of(response)["tag"] == nlohmann::json{"org/app:latest"});
    CHECK(json_of(gateway.get("/api/lookup/alpha/id/" + std::string(64, 'a')))["tag"] == json_of(response)["tag"]);
    CHECK(gateway.get("/api/lookup/beta/docker/org/app").status == 404);
}

TEST_CASE("an image that was pulled by a tag is found by its manifest's digest, in its repository alone") {
    Gateway gateway;
    (void)gateway.publish({"alpha", ImageType::docker, "org/app:1"}, 'a');
    (void)gateway.publish({"alpha", ImageType::docker, "ubuntu:22.04"}, 'b');
    const std::string a = "@sha256:" + std::string(64, 'a');
    const std::string b = "@sha256:" + std::string(64, 'b');
    const auto [name, status] = GENERATE_COPY(table<std::string, int>({
        {"org/app" + a, 200},
        {"docker.io/org/app" + a, 200},
        {"org%2Fapp%40sha256%3A" + std::string(64, 'a'), 200},
        {"org/app:other" + a, 200}, // the digest decides
        {"library/ubuntu" + b, 200},
        {"org/app" + b, 404},
        {"org/other" + a, 404},
        {"quay.io/org/app" + a, 404},
        {"org/app@sha256:" + std::string(64, 'c'), 404},
        {"org/app@sha512:" + std::string(128, 'a'), 404},
    }));
    INFO(name);
    const Response response = gateway.get("/api/lookup/alpha/docker/" + name);
    CHECK(response.status == status);
    if (status == 200) CHECK(json_of(response)["digest"] == "sha256:" + json_of(response)["id"].get<std::string>());
    CHECK(gateway.get("/api/lookup/beta/docker/" + name).status == 404);
    CHECK(gateway.get("/api/lookup/alpha/custom/" + name).status == 404);
}

TEST_CASE(
    "I33: by its digest, too, a private image is there for its readers alone, and its tag for those who may see it") {
    Gateway gateway;
    const std::string target = "/api/lookup/alpha/docker/org/app@sha256:" + std::string(64, 'a');
    const Response missing = gateway.get(target, bob);
    (void)gateway.publish(samples::key, 'a', 1001, true, {{1003}, {}});
    CHECK(gateway.get(target, bob).status == 404);
    CHECK(gateway.get(target, bob).body == missing.body);
    CHECK(gateway.get(target, ann).status == 200);
    CHECK(gateway.get(target, credential("cat", 1003)).status == 200);
    // The same content, public in another repository: bob may read it, and not that it is in this one.
    (void)gateway.publish({"alpha", ImageType::docker, "open/app:1"}, 'a', 1002);
    CHECK(gateway.get("/api/lookup/alpha/docker/open/app@sha256:" + std::string(64, 'a'), bob).status == 200);
    CHECK(gateway.get(target, bob).body == missing.body);
    CHECK(gateway.get(target, ann).status == 200);
}

TEST_CASE("an image is found by the digest of the index that its tag named, in the tag's repository alone") {
    Gateway gateway;
    const std::string one = "sha256:" + std::string(64, '1');
    const std::string two = "sha256:" + std::string(64, '2');
    const catalog::Image app = gateway.publish({"alpha", ImageType::docker, "org/app:1"}, 'a', 1001, false, {}, one);
    (void)gateway.publish({"alpha", ImageType::docker, "ubuntu:22.04"}, 'a', 1001, false, {}, two);
    const auto [name, status] = GENERATE_COPY(table<std::string, int>({
        {"org/app@" + one, 200},
        {"docker.io/org/app@" + one, 200},
        {"org/app:other@" + one, 200},
        {"library/ubuntu@" + two, 200},
        {"org/app@" + two, 404}, // the same image: but the repository has no such index
        {"org/other@" + one, 404},
        {"quay.io/org/app@" + one, 404},
    }));
    INFO(name);
    const Response response = gateway.get("/api/lookup/alpha/docker/" + name);
    CHECK(response.status == status);
    if (status == 200) {
        CHECK(json_of(response)["id"] == app.id.to_string());
        CHECK(json_of(response)["digest"] == app.manifest_digest);
        CHECK(json_of(response)["indexes"] == nlohmann::json{{"org/app:1", one}, {"ubuntu:22.04", two}});
    }
}

TEST_CASE("I33: by the digest of an index, too, an image is there for those alone who may see the tag that named it") {
    Gateway gateway;
    const std::string index = "sha256:" + std::string(64, '1');
    const std::string target = "/api/lookup/alpha/docker/org/app@" + index;
    const Response missing = gateway.get(target, bob);
    (void)gateway.publish(samples::key, 'a', 1001, true, {}, index);
    CHECK(gateway.get(target, bob).body == missing.body);
    CHECK(gateway.get(target, ann).status == 200);
    (void)gateway.publish({"alpha", ImageType::docker, "open/app:1"}, 'a', 1002, false, {}, index);
    CHECK(gateway.get(target, bob).body == missing.body);
    const Response open = gateway.get("/api/lookup/alpha/docker/open/app@" + index, bob);
    CHECK(open.status == 200);
    CHECK(json_of(open)["indexes"] == nlohmann::json{{"open/app:1", index}});
}

TEST_CASE("a custom image is found by its exact name first, and then with :latest (H7-4)") {
    Gateway gateway;
    (void)gateway.publish({"alpha", ImageType::custom, "foo"}, 'a');
    (void)gateway.publish({"alpha", ImageType::custom, "bar:latest"}, 'b');
    CHECK(json_of(gateway.get("/api/lookup/alpha/custom/foo/"))["id"] == std::string(64, 'a'));
    CHECK(json_of(gateway.get("/api/lookup/alpha/custom/bar/"))["id"] == std::string(64, 'b'));
    CHECK(gateway.get("/api/lookup/alpha/docker/foo").status == 404);
}

TEST_CASE("I33: a private image and one that does not exist give the same answer, byte for byte") {
    Gateway gateway;
    const std::string target = "/api/lookup/alpha/docker/org/app:1/";
    const Response missing = gateway.get(target, bob);
    const Response missing_id = gateway.get("/api/lookup/alpha/id/" + std::string(64, 'a'), bob);
    (void)gateway.publish(samples::key, 'a', 1001, true, {{1003}, {}});
    const Response hidden = gateway.get(target, bob);
    CHECK(hidden.status == 404);
    CHECK(hidden.body == missing.body);
    CHECK(hidden.headers == missing.headers);
    CHECK(gateway.get("/api/lookup/alpha/id/" + std::string(64, 'a'), bob).body == missing_id.body);
    CHECK(gateway.get("/api/list/alpha", bob).body == R"({"list":[]})");
    CHECK(gateway.get(target, ann).status == 200);
    CHECK(gateway.get(target, credential("cat", 1003)).status == 200);
    CHECK(json_of(gateway.get("/api/list/alpha", ann))["list"].size() == 1);
}

TEST_CASE("every lookup that finds an image leaves a line: who, and which digest") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a');
    (void)gateway.get("/api/lookup/alpha/docker/org/app:1");
    const std::string wanted = "request=request1 event=audit route=lookup peer=127.0.0.1 image=docker:org/app:1 "
                               "system=alpha caller=ann uid=1001 id=" +
                               std::string(64, 'a') + " digest=sha256:" + std::string(64, 'a') +
                               " status=200 outcome=given ms=";
    CHECK(std::any_of(gateway.lines.begin(), gateway.lines.end(),
                      [&](const std::string & line) { return line.find(wanted) != std::string::npos; }));
}

TEST_CASE("a lookup moves the expiration on (7.8)") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a');
    gateway.now += std::chrono::hours{48};
    (void)gateway.get("/api/lookup/alpha/docker/org/app:1");
    const auto image = gateway.catalog->find(samples::key);
    REQUIRE(image);
    CHECK(image->expiration == gateway.now + gateway.settings.image_expiration);
}

TEST_CASE("expire takes a tag away, and the image with its last one (H7-22)") {
    Gateway gateway;
    const catalog::ImageKey second{"alpha", ImageType::docker, "org/app:2"};
    (void)gateway.publish(samples::key, 'a');
    (void)gateway.publish(second, 'a');
    CHECK(gateway.get("/api/expire/alpha/docker/org/app:1/", boss).body == R"({"status":true})");
    CHECK(gateway.get("/api/expire/alpha/docker/org/app:1/", boss).body == R"({"status":null})");
    CHECK(gateway.get("/api/lookup/alpha/docker/org/app:2").status == 200);
    CHECK(gateway.get("/api/expire/alpha/docker/org/app:2/", boss).body == R"({"status":true})");
    CHECK(gateway.get("/api/lookup/alpha/docker/org/app:2").status == 404);
    CHECK_FALSE(gateway.catalog->find("alpha", samples::id_of('a')));
}

TEST_CASE("R14: the files of an image that was taken away stay for the grace, and go then") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a');
    const std::string file = gateway.folder / (std::string(64, 'a') + ".squashfs");
    std::ofstream{file} << "image";
    CHECK(gateway.get("/api/expire/alpha/docker/org/app:1", boss).body == R"({"status":true})");
    CHECK(gateway.get("/api/lookup/alpha/docker/org/app:1").status == 404);
    gateway.now += gateway.settings.removal_grace - std::chrono::minutes{1};
    (void)gateway.get("/api/autoexpire/alpha", boss);
    CHECK(std::filesystem::exists(file));
    gateway.now += std::chrono::minutes{2};
    (void)gateway.get("/api/autoexpire/alpha", boss);
    CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("R1: a lookup does not answer with an image whose file is damaged or gone") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a');
    gateway.whole = false;
    const Response damaged = gateway.get("/api/lookup/alpha/docker/org/app:1");
    CHECK(damaged.status == 404);
    gateway.whole = true;
    CHECK(gateway.get("/api/lookup/alpha/docker/org/app:1").status == 200);
}

TEST_CASE("a dry run of expire and autoexpire says what would go, and changes nothing") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a');
    CHECK(json_of(gateway.get("/api/expire/alpha/docker/org/app:1?dry_run=1", boss))["left"] == "nothing");
    CHECK(gateway.get("/api/lookup/alpha/docker/org/app:1").status == 200);
    gateway.now += gateway.settings.image_expiration + std::chrono::hours{1};
    const std::string target = "/api/autoexpire/alpha?dry_run=1";
    CHECK(json_of(gateway.get(target, boss))["status"] == nlohmann::json{std::string(64, 'a')});
    CHECK(gateway.get("/api/lookup/alpha/docker/org/app:1").status == 200);
    CHECK(gateway.get(target).body == R"({"status":false})");
}

TEST_CASE("autoexpire removes what nobody looked up for its time, and says what") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a');
    (void)gateway.publish({"alpha", ImageType::docker, "org/used:1"}, 'b');
    (void)gateway.get("/api/lookup/alpha/docker/org/app:1");
    CHECK(gateway.get("/api/autoexpire/alpha", boss).body == R"({"status":[]})");
    gateway.now += gateway.settings.image_expiration - std::chrono::hours{1};
    (void)gateway.get("/api/lookup/alpha/docker/org/used:1");
    gateway.now += std::chrono::hours{2};
    CHECK(json_of(gateway.get("/api/autoexpire/alpha/", boss))["status"] == nlohmann::json{std::string(64, 'a')});
    CHECK(gateway.get("/api/lookup/alpha/docker/org/used:1").status == 200);
}

TEST_CASE("metrics are of the system in the path, and as many as were asked for (H7-6)") {
    Gateway gateway;
    gateway.settings.metrics = true;
    (void)gateway.publish(samples::key, 'a');
    for (int i = 0; i < 12; ++i) (void)gateway.get("/api/lookup/alpha/docker/org/app:1");
    CHECK(json_of(gateway.get("/api/metrics/alpha/", boss)).size() == 10);
    const auto rows = json_of(gateway.get("/api/metrics/alpha?limit=3", boss));
    REQUIRE(rows.size() == 3);
    CHECK(rows[0]["user"] == "ann");
    CHECK(rows[0]["uid"] == 1001);
    CHECK(gateway.get("/api/metrics/alpha?limit=x", boss).status == 400);
    CHECK(gateway.get("/api/metrics/alpha?limit=-1", boss).status == 400);
    gateway.settings.systems["beta"].admins = {"boss"};
    CHECK(gateway.get("/api/metrics/beta", boss).body == "[]");
    gateway.settings.metrics = false;
    CHECK(gateway.get("/api/metrics/alpha", boss).body == "[]");
}
