#include "unit/api/gateway_under_test.hpp"
#include "unit/catalog/image_files.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

using namespace shifter;
using namespace shifter::api;
using namespace shifter::api::testing;

namespace {

const std::string cat = credential("cat", 1003);
const std::string image_path = "/alpha/docker/org/app:1";

/** A private image of ann's (1001) with its files. */
void publish_private(Gateway & gateway, Acl readers = {}) {
    const catalog::Image image = gateway.publish(samples::key, 'a', 1001, true, readers);
    catalog::UnpublishedFile file{{.directory = gateway.folder.path()}};
    samples::fill(file, samples::squashfs());
    ImageRecord record = samples::record();
    record.acl = image.acl();
    catalog::Publisher{{.directory = gateway.folder.path()}}.publish(std::move(file), image.id, record);
}

bool may_look_up(Gateway & gateway, const std::string & who) {
    return gateway.get("/api/lookup" + image_path, who).status == 200;
}

} // namespace

TEST_CASE("I34: the owner lets others in and puts them out, and a reader and a stranger do not") {
    Gateway gateway;
    publish_private(gateway);
    const std::string body = R"({"allowed_uids":"1002"})";
    const Response shared = gateway.post("/api/share" + image_path, body, ann);
    CHECK(shared.status == 200);
    CHECK(json_of(shared)["userACL"] == nlohmann::json{1001, 1002});
    CHECK(may_look_up(gateway, bob));
    const Response widened = gateway.post("/api/share" + image_path, R"({"allowed_uids":"1003"})", bob);
    CHECK(widened.status == 403);
    CHECK(json_of(widened)["error"] == "you may use this image, but only its owner or an admin decides who else may");
    CHECK(gateway.post("/api/chown" + image_path, R"({"owner":1002})", bob).status != 200);
    CHECK(gateway.post("/api/unshare" + image_path, "", bob).status == 403);
    CHECK_FALSE(may_look_up(gateway, cat));
    CHECK(gateway.post("/api/share" + image_path, R"({"allowed_uids":"1003"})", boss).status == 200);
    CHECK(may_look_up(gateway, cat));
    CHECK(gateway.post("/api/unshare" + image_path, body, ann).status == 200);
    CHECK_FALSE(may_look_up(gateway, bob));
    CHECK(may_look_up(gateway, cat));
    CHECK(gateway.post("/api/unshare" + image_path, "", ann).status == 200);
    CHECK_FALSE(may_look_up(gateway, cat));
    CHECK(may_look_up(gateway, ann));
}

TEST_CASE("I33: to share, to hand over or to remove what one may not see is answered like a name that does not exist") {
    Gateway gateway;
    const std::string verb = GENERATE(as<std::string>{}, "share", "unshare", "chown", "remove");
    const std::string body = verb == "chown" ? R"({"owner":1002})" : R"({"allowed_uids":"1002"})";
    INFO(verb);
    const Response missing = gateway.post("/api/" + verb + image_path, body, bob);
    publish_private(gateway);
    const Response hidden = gateway.post("/api/" + verb + image_path, body, bob);
    CHECK(missing.status == 404);
    CHECK(hidden.status == missing.status);
    CHECK(hidden.body == missing.body);
    CHECK(hidden.headers == missing.headers);
    CHECK_FALSE(may_look_up(gateway, bob));
}

TEST_CASE("I34: a list of readers that cannot be read whole changes nothing") {
    Gateway gateway;
    publish_private(gateway);
    for (const char * body :
         {"", "{}", R"({"allowed_uids":"1002,x"})", R"({"allowed_uids":"0"})", "{", R"({"allowed_uids":[1002]})"})
        CHECK(gateway.post("/api/share" + image_path, body, ann).status == 400);
    CHECK_FALSE(may_look_up(gateway, bob));
    (void)gateway.publish({"alpha", ImageType::docker, "org/open:1"}, 'b');
    const Response open = gateway.post("/api/share/alpha/docker/org/open:1", R"({"allowed_uids":"1002"})", ann);
    CHECK(open.status == 409);
    CHECK(json_of(open)["error"] == "the image is public: everybody may use it");
    CHECK(gateway.post("/api/share/alpha/id/" + std::string(64, 'a'), R"({"allowed_uids":"1002"})", ann).status == 400);
}

TEST_CASE("an image is handed over to an account that exists, and to no other") {
    Gateway gateway;
    publish_private(gateway);
    const uid_t nobody = 65534;
    CHECK(gateway.post("/api/chown" + image_path, R"({"owner":4000000})", ann).status == 400);
    CHECK(gateway.post("/api/chown" + image_path, R"({"owner":0})", ann).status == 400);
    CHECK(gateway.post("/api/chown" + image_path, R"({"owner":"nobody"})", ann).status == 400);
    CHECK(may_look_up(gateway, ann));
    CHECK(gateway.post("/api/chown" + image_path, R"({"owner":65534})", ann).status == 200);
    CHECK_FALSE(may_look_up(gateway, ann));
    CHECK(may_look_up(gateway, credential("nobody", nobody)));
    CHECK(json_of(gateway.get("/api/mine/alpha", credential("nobody", nobody)))["list"].size() == 1);
}

TEST_CASE("one removes one's own claim, and the tag goes with the last, the image with its last tag") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a', 1001);
    (void)gateway.post("/api/pull" + image_path, "", bob);
    const Response foreign = gateway.post("/api/remove" + image_path, "", cat);
    CHECK(foreign.status == 403);
    CHECK(gateway.post("/api/remove" + image_path + "?dry_run=1", "", ann).body == R"({"status":true,"left":"tag"})");
    CHECK(gateway.post("/api/remove" + image_path, "", ann).body == R"({"status":true,"left":"tag"})");
    CHECK(gateway.post("/api/remove" + image_path, "", ann).status == 403);
    CHECK(may_look_up(gateway, ann));
    CHECK(gateway.post("/api/remove" + image_path + "?dry_run=1", "", bob).body ==
          R"({"status":true,"left":"nothing"})");
    CHECK(may_look_up(gateway, bob));
    CHECK(gateway.post("/api/remove" + image_path, "", bob).body == R"({"status":true,"left":"nothing"})");
    CHECK_FALSE(may_look_up(gateway, bob));
    CHECK_FALSE(gateway.catalog->find("alpha", samples::id_of('a')));
}

TEST_CASE("one's own images are those that one has pulled, with one's own tags, and what they take") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a', 1001);
    (void)gateway.publish({"alpha", ImageType::docker, "org/app:other"}, 'a', 1002);
    (void)gateway.publish({"alpha", ImageType::docker, "org/b:1"}, 'b', 1002);
    const auto own = json_of(gateway.get("/api/mine/alpha", ann));
    REQUIRE(own["list"].size() == 1);
    CHECK(own["list"][0]["tag"] == nlohmann::json{"org/app:1"});
    CHECK(own["usage"] == nlohmann::json{{"images", 1}, {"bytes", 4096}});
    CHECK(json_of(gateway.get("/api/mine/alpha", bob))["list"].size() == 2);
    CHECK(gateway.get("/api/mine/alpha", cat).body == R"({"list":[],"usage":{"images":0,"bytes":0}})");
}

TEST_CASE("admins pin images") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a', 1001);
    CHECK(may_look_up(gateway, ann)); // and so it has a time to expire
    CHECK(gateway.post("/api/pin" + image_path, "", ann).body == R"({"status":false})");
    CHECK(gateway.post("/api/pin/alpha/docker/no:1", "", boss).body == R"({"status":null})");
    CHECK(gateway.post("/api/pin" + image_path, "", boss).body == R"({"status":true})");
    gateway.now += gateway.settings.image_expiration * 2;
    CHECK(gateway.get("/api/autoexpire/alpha", boss).body == R"({"status":[]})");
    CHECK(gateway.post("/api/unpin" + image_path, "", boss).body == R"({"status":true})");
    CHECK(json_of(gateway.get("/api/autoexpire/alpha", boss))["status"].size() == 1);
}
