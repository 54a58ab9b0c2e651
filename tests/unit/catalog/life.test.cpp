#include "base/error.hpp"
#include "base/io.hpp"
#include "catalog/content_lock.hpp"
#include "catalog/housekeeping.hpp"
#include "catalog/ownership.hpp"
#include "catalog/whole_images.hpp"

#include "image_files.hpp"
#include "samples.hpp"
#include "support/waiting.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <filesystem>
#include <thread>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;
using shifter::testing::descriptors_of;
using shifter::testing::soon;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

/** A catalog with its storage. */
struct Store {
    Folder folder;
    Folder images;
    std::unique_ptr<Catalog> catalog = open_in(folder);
    ImageStorage storage{.directory = images.path()};
    HousekeepingRules rules{.expiration = 24h, .grace = 1h};

    /** A pull by `uid` that ends READY, files and all. */
    Image publish(char digit, uid_t uid, const std::string & tag, bool is_private = false, Acl readers = {},
                  Time at = noon) {
        const ImageKey as{"alpha", ImageType::docker, tag};
        auto request = request_by(uid, is_private ? "login" : "", as);
        request.image_is_damaged = true; // always a new pull
        (void)catalog->enqueue(request, {}, at);
        std::vector<Grant> grants;
        if (is_private) grants.push_back({uid, std::move(readers)});
        Image made = image(digit, is_private, std::move(grants));
        made.puller = uid;
        made.expiration = at + 24h;
        finish_next(*catalog, made, at);
        UnpublishedFile file{storage};
        fill(file, squashfs());
        ImageRecord written = record();
        written.acl = catalog->find(as)->acl();
        Publisher{storage}.publish(std::move(file), made.id, written,
                                   is_private ? Privacy::readers_only : Privacy::everybody);
        return *catalog->find(as);
    }
    Housekeeping housekeeping() { return {*catalog, "alpha", storage, rules}; }
    Ownership ownership() { return {*catalog, storage, true}; }
    [[nodiscard]] bool has_file(char digit) const {
        return std::filesystem::exists(images / (std::string(64, digit) + ".squashfs"));
    }
    /** Whom the record on the storage lets in. */
    [[nodiscard]] Acl written(char digit) const {
        const UniqueFd fd{::open((images / (std::string(64, digit) + ".meta")).c_str(), O_RDONLY | O_CLOEXEC)};
        return parse_image_record(io::read_all(fd.get(), 1U << 20U, "record"))->acl;
    }
};

ImageKey named(const std::string & tag) { return {"alpha", ImageType::docker, tag}; }

} // namespace

TEST_CASE("R5: of two who work on one content, the second waits until the first has finished") {
    const Folder folder;
    const ImageStorage storage{.directory = folder.path()};
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    {
        std::vector<std::jthread> workers;
        for (int i = 0; i < 4; ++i)
            workers.emplace_back([&] {
                for (int turn = 0; turn < 20; ++turn) {
                    const ContentLock lock{storage, id_of('a')};
                    most = std::max(most.load(), ++inside);
                    std::this_thread::yield();
                    --inside;
                }
            });
    }
    CHECK(most == 1);
    const ContentLock one{storage, id_of('a')};
    const ContentLock other{storage, id_of('b')}; // another content does not wait
    std::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_WITH((ContentLock{storage, id_of('a'), stop.get_token()}), Contains("the gateway stops"));
}

TEST_CASE("R14: files of an image that expired stay for the grace, and one that is published anew stays for good") {
    Store store;
    (void)store.publish('a', 1001, "a:1");
    (void)store.publish('b', 1001, "b:1");
    CHECK(store.housekeeping().expire(noon + 23h).empty());
    CHECK(store.housekeeping().expire(noon + 25h).size() == 2);
    CHECK_FALSE(store.catalog->find(named("a:1")));
    CHECK(store.has_file('a'));
    (void)store.publish('b', 1001, "b:1", false, {}, noon + 25h);
    CHECK(store.housekeeping().sweep(noon + 25h + 59min) == 0);
    CHECK(store.housekeeping().sweep(noon + 26h) == 1);
    CHECK_FALSE(store.has_file('a'));
    CHECK(store.has_file('b'));
    CHECK(store.catalog->retired("alpha", noon + 99h).empty());
}

TEST_CASE("R5, R14: files that never got a row go after the grace, and those that a pull is publishing stay") {
    Store store;
    store.rules.grace = 0h;
    (void)store.catalog->enqueue(request_by(1001), {}, noon);
    const Pull pull = *store.catalog->claim("here", noon);
    for (const State state : {State::pulling, State::transfer})
        store.catalog->advance(pull.hold(), state, "step", {}, noon);
    std::atomic<unsigned> removed{0};
    const bool is_published = GENERATE(true, false);
    {
        std::jthread sweeper;
        {
            const ContentLock lock{store.storage, id_of('a')};
            store.catalog->announce_files(pull.hold(), id_of('a'), 4096, noon);
            REQUIRE(store.catalog->is_retired("alpha", id_of('a')));
            UnpublishedFile file{store.storage};
            fill(file, squashfs());
            Publisher{store.storage}.publish(std::move(file), id_of('a'), record());
            sweeper = std::jthread{[&] { removed = store.housekeeping().sweep(noon); }}; // waits for the lock
            REQUIRE(soon([&] { return descriptors_of(store.images / ".lock") == 2; }));
            CHECK(store.has_file('a'));
            if (is_published) store.catalog->publish({pull.hold(), image('a'), ""}, noon);
        }
    }
    CHECK(removed == (is_published ? 0 : 1));
    CHECK(store.has_file('a') == is_published);
    CHECK_FALSE(store.catalog->is_retired("alpha", id_of('a')));
    CHECK(store.housekeeping().sweep(noon + 99h) == 0);
}

TEST_CASE("files are announced by the holder of a pull alone, and never those of an image that has a row") {
    Store store;
    (void)store.publish('a', 1001, "a:1");
    (void)store.catalog->enqueue(request_by(1001), {}, noon);
    const Pull pull = *store.catalog->claim("here", noon);
    store.catalog->announce_files(pull.hold(), id_of('a'), 4096, noon);
    CHECK(store.catalog->retired("alpha", noon + 99h).empty());
    CHECK_THROWS_AS(store.catalog->announce_files({pull.number, pull.turn + 1}, id_of('b'), 4096, noon), HoldLost);
    CHECK(store.catalog->retired("alpha", noon + 99h).empty());
    store.catalog->announce_files(pull.hold(), id_of('b'), 4096, noon);
    store.catalog->announce_files(pull.hold(), id_of('b'), 5000, noon + 1h); // anew: the grace begins anew
    CHECK(store.catalog->retired("alpha", noon).empty());
    CHECK(store.catalog->retired("alpha", noon + 1h).size() == 1);
}

TEST_CASE("an image that was looked up after it was listed as overdue is not taken") {
    Store store;
    const Image image = store.publish('a', 1001, "a:1");
    CHECK(store.housekeeping().overdue(noon + 25h).size() == 1);
    store.catalog->touch("alpha", image.id, noon + 49h);
    CHECK_FALSE(store.catalog->retire("alpha", image.id, noon + 25h, noon + 25h));
    CHECK_FALSE(store.housekeeping().retire(image.id, noon + 25h)); // it has a tag
}

TEST_CASE("a pinned image does not expire, and does when it is unpinned") {
    Store store;
    const Image image = store.publish('a', 1001, "a:1");
    store.catalog->set_pinned("alpha", image.id, true);
    CHECK(store.catalog->find(named("a:1"))->is_pinned);
    CHECK(store.housekeeping().expire(noon + 999h).empty());
    store.catalog->set_pinned("alpha", image.id, false);
    CHECK(store.housekeeping().expire(noon + 999h).size() == 1);
}

TEST_CASE("R16: over the high water the longest unused images go until the low water is reached, none that was used "
          "within the grace") {
    Store store;
    store.rules.high_water_bytes = 3 * 4096;
    store.rules.low_water_bytes = 2 * 4096;
    (void)store.publish('a', 1001, "a:1", false, {}, noon);
    (void)store.publish('b', 1001, "b:1", false, {}, noon + 2h);
    (void)store.publish('c', 1001, "c:1", false, {}, noon + 3h);
    CHECK(store.housekeeping().evictable(noon + 5h).empty()); // at the mark, not over it
    (void)store.publish('d', 1001, "d:1", false, {}, noon + 4h);
    const auto dry = store.housekeeping().evictable(noon + 5h + 1min);
    const auto taken = store.housekeeping().expire(noon + 5h + 1min);
    REQUIRE(taken.size() == 2);
    CHECK(dry.size() == 2);
    CHECK(taken[0].id == id_of('a'));
    CHECK(taken[1].id == id_of('b'));
    store.rules.high_water_bytes = store.rules.low_water_bytes = 1;
    CHECK(store.housekeeping().expire(noon + 4h + 30min).size() == 1); // d was used half an hour ago
    CHECK(store.catalog->find(named("d:1")));
}

TEST_CASE("I34: an owner lets readers in and puts them out again, in the catalog and in the record of the nodes") {
    Store store;
    const Image image = store.publish('a', 1001, "a:1", true);
    CHECK(store.written('a') == Acl{{1001}, {}});
    CHECK_THROWS_WITH(store.ownership().share(image, 1002, {{1003}, {}}, noon), Contains("does not own"));
    (void)store.ownership().share(image, 1001, {{1002, 1003}, {500}}, noon);
    CHECK(store.written('a') == Acl{{1001, 1002, 1003}, {500}});
    CHECK(store.catalog->find_readable(named("a:1"), person(1002)));
    (void)store.ownership().unshare(image, 1001, {{1002}, {}}, noon);
    CHECK(store.written('a') == Acl{{1001, 1003}, {500}});
    CHECK_FALSE(store.catalog->find_readable(named("a:1"), person(1002)));
    (void)store.ownership().unshare(image, 1001, {}, noon);
    CHECK(store.written('a') == Acl{{1001}, {}});
}

TEST_CASE("a private image that is handed over is the new owner's, readers included, and the old one is out") {
    Store store;
    const Image image = store.publish('a', 1001, "a:1", true, {{1003}, {}});
    (void)store.ownership().hand_over(image, 1001, {1002, 100, noon}, noon);
    CHECK(store.written('a') == Acl{{1002, 1003}, {}});
    CHECK_FALSE(store.catalog->find_readable(named("a:1"), person(1001)));
    CHECK(store.catalog->claimed_by("alpha", 1001).empty());
    CHECK(store.catalog->claimed_by("alpha", 1002) == std::vector{named("a:1")});
    CHECK(store.catalog->find(named("a:1"))->puller == 1002);
}

TEST_CASE("a tag goes with the last who wants it, and the image with its last tag") {
    using Left = Ownership::Left;
    Store store;
    (void)store.publish('a', 1001, "a:1");
    (void)store.publish('a', 1002, "a:1");
    Image image = store.publish('a', 1002, "a:2");
    CHECK(store.ownership().give_up(named("a:1"), image, 1001, noon) == Left::tag);
    CHECK(store.catalog->find(named("a:1")));
    CHECK(store.ownership().give_up(named("a:1"), image, 1002, noon) == Left::image);
    CHECK_FALSE(store.catalog->find(named("a:1")));
    CHECK_FALSE(store.housekeeping().retire(image.id, noon));
    CHECK(store.ownership().give_up(named("a:2"), image, 1002, noon) == Left::nothing);
    CHECK(store.housekeeping().retire(image.id, noon));
}

TEST_CASE(
    "I33: who gives up a private image with its last tag of his is no reader any more, and without owners it goes") {
    using Left = Ownership::Left;
    Store store;
    (void)store.publish('a', 1001, "a:1", true, {{1009}, {}});
    const Image image = store.publish('a', 1002, "a:1", true);
    CHECK(store.written('a') == Acl{{1001, 1002, 1009}, {}});
    CHECK(store.ownership().give_up(named("a:1"), image, 1001, noon) == Left::tag);
    CHECK(store.written('a') == Acl{{1002}, {}});
    CHECK(store.ownership().give_up(named("a:1"), image, 1002, noon) == Left::nothing);
    CHECK_FALSE(store.catalog->find(named("a:1")));
}

TEST_CASE(
    "who is answered with a public image wants it to stay, and a reader of somebody's private image does not keep it") {
    Store store;
    (void)store.publish('a', 1001, "a:1");
    (void)store.publish('b', 1001, "b:1", true, {{1002}, {}});
    CHECK(is_image(store.catalog->enqueue(request_by(1002, "", named("a:1")), {}, noon + 1s)));
    CHECK(is_image(store.catalog->enqueue(request_by(1002, "", named("b:1")), {}, noon + 1s)));
    CHECK(store.catalog->claimed_by("alpha", 1002) == std::vector{named("a:1")});
    CHECK(store.catalog->claims(named("a:1")).size() == 2);
    const Usage usage = store.catalog->usage_of_user("alpha", 1001);
    CHECK(usage.images == 2);
    CHECK(usage.bytes == 2 * 4096);
    CHECK(store.catalog->usage_of_group("alpha", 100).images == 2);
    CHECK(store.catalog->usage_of_user("beta", 1001).images == 0);
}

TEST_CASE("what was whole is believed for a while, damage is looked at anew each time") {
    Store store;
    const Image image = store.publish('a', 1001, "a:1");
    WholeImages trusting{1h};
    WholeImages strict{0ms};
    CHECK(trusting.is_whole(store.storage, image.id));
    CHECK_FALSE(strict.is_whole(store.storage, id_of('b')));
    std::filesystem::remove(store.images / (std::string(64, 'a') + ".meta"));
    CHECK(trusting.is_whole(store.storage, image.id));
    CHECK_FALSE(strict.is_whole(store.storage, image.id));
    (void)store.publish('a', 1001, "a:1");
    CHECK(strict.is_whole(store.storage, image.id));
}
