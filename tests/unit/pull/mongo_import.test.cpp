#include "pull/mongo_import.hpp"
#include "unit/catalog/image_files.hpp"
#include "unit/catalog/samples.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace shifter;
using namespace shifter::pull;
using namespace shifter::catalog::samples;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

struct Site {
    Folder folder;
    Folder images;
    std::unique_ptr<catalog::Catalog> catalog = catalog::open_sqlite_catalog(folder / "catalog");
    GatewaySettings settings;
    Site() {
        System alpha;
        alpha.name = "alpha";
        alpha.storage.directory = images.path();
        settings.systems.emplace("alpha", alpha);
    }
    void put_file(char digit) {
        catalog::UnpublishedFile file{{.directory = images.path()}};
        fill(file, squashfs());
        catalog::Publisher{{.directory = images.path()}}.publish(std::move(file), id_of(digit), record());
    }
    MongoReport import(const std::string & text, bool dry_run = false) {
        std::istringstream lines{text};
        return import_mongo(lines, settings, *catalog, dry_run, noon);
    }
};

Json document(char digit) {
    return {{"_id", {{"$oid", "5f"}}}, {"id", std::string(64, digit)}, {"system", "alpha"},
            {"itype", "docker"},       {"pulltag", "ubuntu:22.04"},    {"tag", {"ubuntu:22.04", "ubuntu"}},
            {"status", "READY"},       {"userACL", nullptr},           {"groupACL", Json::array()},
            {"private", false},        {"ENV", {"PATH=/bin"}},         {"ENTRY", "MISSING"},
            {"WORKDIR", "/app"},       {"format", "squashfs"},         {"arch", "amd64"},
            {"os", "linux"},           {"last_pull", 1733000000.25},   {"expiration", {{"$numberLong", "9733000000"}}}};
}

} // namespace

TEST_CASE("R15: the deployed service's images are taken over with all that is known of them, and once") {
    Site site;
    site.put_file('a');
    const std::string text = document('a').dump() + "\n\n";
    CHECK(site.import(text, true).adopted == 2);
    CHECK_FALSE(site.catalog->find("alpha", id_of('a')));
    const MongoReport report = site.import(text);
    CHECK(report.adopted == 2);
    CHECK(report.skipped.empty());
    const auto image = site.catalog->find({"alpha", ImageType::docker, "ubuntu:22.04"});
    REQUIRE(image);
    CHECK(image->id == id_of('a'));
    CHECK(image->tags == std::vector<std::string>{"ubuntu:22.04", "ubuntu:latest"});
    CHECK(image->config.env == std::vector<std::string>{"PATH=/bin"});
    CHECK_FALSE(image->config.entrypoint);
    CHECK(image->config.workdir == "/app");
    CHECK(image->platform == "linux/amd64");
    CHECK(image->size_bytes == 4096);
    CHECK(image->last_pull.time_since_epoch().count() == 1733000000250);
    CHECK(image->expiration->time_since_epoch().count() == 9733000000000);
    CHECK_FALSE(image->is_private);
    const MongoReport again = site.import(text);
    CHECK(again.adopted == 0);
    CHECK(again.known == 2);
}

TEST_CASE(
    "I34: a private image of the deployed service keeps its readers, and one that names none is not shown to everybody") {
    Site site;
    site.put_file('a');
    Json mine = document('a');
    mine["private"] = true;
    mine["userACL"] = {1001, {{"$numberInt", "1002"}}};
    CHECK(site.import(mine.dump()).adopted == 2);
    const catalog::ImageKey key{"alpha", ImageType::docker, "ubuntu:22.04"};
    CHECK(site.catalog->find_readable(key, person(1001)));
    CHECK(site.catalog->find_readable(key, person(1002)));
    CHECK_FALSE(site.catalog->find_readable(key, person(1003)));
    CHECK_FALSE(site.catalog->find(key)->is_owned_by(1001));
    Site other;
    other.put_file('a');
    mine["userACL"] = Json::array();
    const MongoReport report = other.import(mine.dump());
    CHECK(report.adopted == 0);
    REQUIRE(report.skipped.size() == 1);
    CHECK(report.skipped[0] == "line 1: it is private and names no reader; pull it again");
}

TEST_CASE("what cannot be taken over is skipped with its line and the reason, and the rest is taken") {
    Site site;
    site.put_file('a');
    site.put_file('b');
    auto [key, value, reason] = GENERATE(table<std::string, Json, std::string>({
        {"system", "beta", "has no system \"beta\""},
        {"status", "PULLING", "not READY"},
        {"format", "ext4", "only squashfs"},
        {"id", "abc/../x", "identifier"},
        {"id", std::string(64, 'c'), "not whole"},
        {"itype", "local", "type"},
        {"tag", Json::array(), "has no tag"},
        {"tag", {"a b"}, "tag"},
        {"userACL", "1001", "no list"},
        {"userACL", {"1001"}, "ids"},
        {"userACL", {1.5}, "ids"},
        {"groupACL", {-1}, "ids"},
        {"ENV", {1}, "texts"},
        {"last_pull", "yesterday", "no time"},
    }));
    INFO(key << " " << value.dump());
    Json bad = document('b');
    bad[key] = value;
    const MongoReport report = site.import(bad.dump() + "\n" + document('a').dump() + "\n[1]\n{\"a\":\n");
    CHECK(report.adopted == 2);
    REQUIRE(report.skipped.size() == 3);
    CHECK_THAT(report.skipped[0], Contains("line 1: ") && Contains(reason));
    CHECK_THAT(report.skipped[1], Contains("line 3: it is no JSON object"));
    CHECK_THAT(report.skipped[2], Contains("line 4: it is no JSON document"));
    CHECK_FALSE(site.catalog->find("alpha", id_of('b')));
}
