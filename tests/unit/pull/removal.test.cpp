#include "base/error.hpp"
#include "catalog/content_lock.hpp"
#include "catalog/housekeeping.hpp"
#include "catalog/sqlite.hpp"
#include "pull/quota.hpp"
#include "pull_site.hpp"
#include "support/waiting.hpp"

#include <catch2/catch.hpp>
#include <thread>

using namespace shifter;
using namespace shifter::pull;
using namespace shifter::pull::testing;
using shifter::testing::descriptors_of;
using shifter::testing::soon;
using namespace std::chrono_literals;
using catalog::State;
using Catch::Matchers::Contains;

namespace {

catalog::Time now() { return std::chrono::floor<catalog::Time::duration>(std::chrono::system_clock::now()); }

bool is_whole(const PullSite & site, const ImageId & id) {
    return catalog::Publisher{{.directory = site.storage()}}.is_whole(id);
}

} // namespace

TEST_CASE("R1: a pull that finds its content published waits for a removal of that content, and brings it anew") {
    PullSite site;
    const ImageId id = site.push("1");
    (void)site.push("2"); // the same content
    site.settings.removal_grace = 0s;
    site.start_registry();
    site.start_queue();
    (void)site.pulled("1");
    {
        // Another gateway is between its look at the catalog and the end of its removal.
        const catalog::ContentLock removal{{.directory = site.storage()}, id};
        REQUIRE(site.catalog->remove_tag(site.image_key("1")));
        REQUIRE(site.catalog->retire("alpha", id, std::nullopt, now()));
        (void)site.ask("2");
        REQUIRE(soon([&] { return descriptors_of(site.storage() + "/.lock") == 2; }));
        CHECK(site.catalog->find_pull(site.image_key("2"))->state != State::ready);
        catalog::Publisher{{.directory = site.storage()}}.remove(id);
        site.catalog->forget_retired("alpha", id);
    }
    CHECK(site.pulled("2").id == id);
    CHECK(is_whole(site, id));
}

TEST_CASE("R1: pulls and removals of one content at the same time never leave a row without a file") {
    PullSite site;
    const ImageId id = site.push("1");
    (void)site.push("2");
    site.settings.removal_grace = 0s;
    site.settings.pull_policy.update_timeout = 0s;
    site.start_registry();
    site.start_queue();
    std::atomic<bool> is_over{false};
    {
        const std::jthread remover{[&] {
            catalog::Housekeeping housekeeping{*site.catalog, "alpha", {.directory = site.storage()}, {.grace = 0s}};
            while (!is_over) {
                for (const char * tag : {"1", "2"}) (void)site.catalog->remove_tag(site.image_key(tag));
                (void)housekeeping.retire(id, now());
            }
        }};
        for (int i = 0; i < 15; ++i) {
            (void)site.ask(i % 2 == 0 ? "1" : "2", 1001 + static_cast<uid_t>(i));
            std::this_thread::sleep_for(20ms);
        }
        is_over = true;
    }
    while (!site.catalog->queue("alpha").empty()) std::this_thread::sleep_for(10ms);
    CHECK(site.catalog->find("alpha", id).has_value() == is_whole(site, id));
    CHECK(site.pulled("1").id == id);
    CHECK(is_whole(site, id));
}

TEST_CASE("R3, R5: files whose row the catalog refused go after the grace, and a repeat within it publishes them") {
    PullSite site;
    const ImageId id = site.push("1");
    site.start_registry();
    site.start_queue();
    const auto database = catalog::sqlite_database(site.database())->connect(catalog::sql::Database::Use::writing);
    database->execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON images BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
    CHECK_THAT(site.failure("1"), Contains("refused by the test"));
    CHECK_FALSE(site.catalog->find("alpha", id));
    REQUIRE(is_whole(site, id)); // the file was named before
    const auto sweep = [&](std::chrono::seconds grace) {
        return catalog::Housekeeping{*site.catalog, "alpha", {.directory = site.storage()}, {.grace = grace}}.sweep(
            now());
    };
    CHECK(sweep(1h) == 0);
    CHECK(is_whole(site, id));
    const bool is_repeated = GENERATE(false, true);
    if (is_repeated) {
        database->execute("DROP TRIGGER refuse");
        CHECK(site.pulled("1", 1002).id == id);
    }
    CHECK(sweep(0s) == (is_repeated ? 0 : 1));
    CHECK(is_whole(site, id) == is_repeated);
    CHECK(site.published().size() == (is_repeated ? 2 : 0));
}

TEST_CASE("R1: whoever asks for an image whose file is gone repairs it") {
    PullSite site;
    const ImageId id = site.push("1");
    site.start_registry();
    site.start_queue();
    (void)site.pulled("1");
    catalog::Publisher{{.directory = site.storage()}}.remove(id);
    REQUIRE(site.catalog->find(site.image_key("1")));
    CHECK(site.pulled("1").id == id);
    CHECK(is_whole(site, id));
}

TEST_CASE(
    "R16: a quota of images lets in as many as it says, and refuses the next in words, and what one has counts once") {
    PullSite site;
    (void)site.push("1");
    (void)site.push("same");
    (void)site.push("2", {.env = {"B=2"}});
    site.settings.quotas.user_images = 1;
    site.start_registry();
    site.start_queue();
    (void)site.pulled("1");
    (void)site.pulled("same");
    CHECK_THAT(site.failure("2"),
               Contains("you have already 1 images of the 1 that this site allows") && Contains("shifterimg rm"));
    (void)site.pulled("2", 1002);
    CHECK(site.catalog->give_up(site.image_key("1"), 1001));
    CHECK(site.catalog->give_up(site.image_key("same"), 1001));
    (void)site.pulled("2");
}

TEST_CASE("R16: quotas of bytes, of users and of groups") {
    PullSite site;
    const ImageId id = site.push("1");
    site.start_registry();
    site.start_queue();
    (void)site.pulled("1");
    const auto size = site.catalog->find(site.image_key("1"))->size_bytes;
    const ImageId other = *ImageId::parse(std::string(64, 'f'));
    const auto refuse = [&](const Quotas & quotas, const ImageId & of, std::uint64_t bytes) {
        refuse_over_quota(quotas, *site.catalog, "alpha", {1001, 100}, of, bytes);
    };
    CHECK_NOTHROW(refuse({.user_bytes = size + 10}, other, 10));
    CHECK_THROWS_WITH(refuse({.user_bytes = size + 10}, other, 11),
                      Contains("you have") && Contains("this one would add"));
    CHECK_NOTHROW(refuse({.user_bytes = 1}, id, 1000));
    CHECK_NOTHROW(refuse({.group_bytes = size + 10}, other, 10));
    CHECK_THROWS_WITH(refuse({.group_bytes = size + 10}, other, 11), Contains("your group has"));
    CHECK_NOTHROW(refuse({.group_images = 2}, other, 10));
    CHECK_THROWS_WITH(refuse({.group_images = 1}, other, 10), Contains("your group has already 1 images"));
}
