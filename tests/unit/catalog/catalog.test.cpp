#include "catalog/catalog.hpp"
#include "base/error.hpp"

#include "samples.hpp"

#include <catch2/catch.hpp>
#include <thread>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {
const PullPolicy policy;
const Progress progress{{{"sha256:abc", 5, 10}}, 5, 10};
} // namespace

TEST_CASE("R9: what was committed is there after the catalog was opened anew, every field of it") {
    const Folder folder;
    Image stored = image('a', true, {{1001, {{1002}, {500}}}});
    stored.expiration = noon + 24h;
    stored.dropped = Dropped{.devices = 1, .setid_bits = 2, .xattrs = 3};
    stored.layers[0].created_by = "RUN make";
    {
        const auto catalog = open_in(folder);
        (void)catalog->enqueue(request_by(1001, "x"), policy, noon);
        finish_next(*catalog, stored, noon);
    }
    const auto catalog = open_in(folder);
    const auto found = catalog->find(key);
    REQUIRE(found);
    CHECK(found->id == stored.id);
    CHECK(found->tags == std::vector<std::string>{key.tag});
    CHECK(found->private_tags == found->tags);
    CHECK(found->manifest_digest == stored.manifest_digest);
    CHECK(found->reference == stored.reference);
    CHECK(found->platform == stored.platform);
    CHECK(found->size_bytes == stored.size_bytes);
    CHECK(found->is_private);
    CHECK(found->acl() == stored.acl());
    CHECK(found->config.env == stored.config.env);
    CHECK(found->config.entrypoint == stored.config.entrypoint);
    CHECK(found->config.cmd == stored.config.cmd);
    CHECK_FALSE(found->config.workdir);
    CHECK(found->config.platform == stored.config.platform);
    CHECK(found->config.diff_ids == stored.config.diff_ids);
    CHECK(found->layers.size() == 1);
    CHECK(found->layers[0].size_bytes == 17);
    CHECK(found->layers[0].created_by == "RUN make");
    CHECK(found->dropped == stored.dropped);
    CHECK(found->puller == 1001);
    CHECK(found->last_pull == noon);
    CHECK(found->expiration == stored.expiration);
    CHECK(catalog->find("alpha", stored.id)->reference == stored.reference);
    CHECK_FALSE(catalog->find("beta", stored.id));
}

TEST_CASE(
    "an image is found by the index that a tag of it named, as long as the tag does, by those who may see the tag") {
    const Folder folder;
    const auto catalog = open_in(folder);
    const std::string index = "sha256:" + std::string(64, '1');
    const auto pull = [&](const ImageKey & wanted, Image shown, const std::string & named, Time when) {
        if (!named.empty()) shown.indexes = {{wanted.tag, named}};
        (void)catalog->enqueue(request_by(1001, shown.is_private ? "x" : "", wanted), policy, when);
        (void)finish_next(*catalog, shown, when);
    };
    const auto found_by = [&](uid_t uid) { return catalog->readable_of_index("alpha", index, person(uid)); };
    const ImageKey plain{"alpha", ImageType::docker, "org/plain:1"};
    pull(plain, image('b'), "", noon);
    CHECK(found_by(1001).empty());
    CHECK(catalog->readable_of_index("alpha", "", person(1001)).empty());
    pull(key, image('a', true, {{1001, {{1003}, {}}}}), index, noon);
    REQUIRE(found_by(1001).size() == 1);
    CHECK(found_by(1001)[0].id == id_of('a'));
    CHECK(found_by(1001)[0].indexes == std::vector<TagIndex>{{key.tag, index}});
    CHECK(found_by(1003).size() == 1);
    CHECK(found_by(1002).empty());
    CHECK(catalog->readable_of_index("beta", index, person(1001)).empty());
    // The same content is everybody's by a tag that names no index: that of the private tag stays hidden.
    pull({"alpha", ImageType::docker, "open/app:1"}, image('a'), "", noon);
    REQUIRE(catalog->find_readable("alpha", id_of('a'), person(1002)));
    CHECK(found_by(1002).empty());
    // Two images, of an index that chose another manifest when the site's platform was another.
    pull(plain, image('b'), index, noon + 1h);
    CHECK(found_by(1001).size() == 2);
    pull(plain, image('b'), "", noon + 2h);
    pull(key, image('a', true, {{1001, {}}}), "sha256:" + std::string(64, '2'), noon + 2h);
    CHECK(found_by(1001).empty());
}

TEST_CASE("a pull goes from INIT to READY, and its tag is found") {
    const Folder folder;
    const auto catalog = open_in(folder);
    const auto first = catalog->enqueue(request_by(1001), policy, noon);
    CHECK(first.is_new);
    CHECK(pull_in(first).state == State::init);
    const auto again = catalog->enqueue(request_by(1001), policy, noon);
    CHECK_FALSE(again.is_new);
    CHECK(pull_in(again).state == State::pending);
    CHECK(pull_in(again).number == pull_in(first).number);
    CHECK(catalog->queue("alpha").size() == 1);

    const auto pull = catalog->claim("here", noon);
    REQUIRE(pull);
    CHECK_FALSE(catalog->claim("there", noon));
    catalog->advance(pull->hold(), State::pulling, "Pulling layers", progress, noon + 1s);
    const auto shown = pull_in(catalog->enqueue(request_by(1002), policy, noon + 1s));
    CHECK(shown.state == State::pulling);
    CHECK(shown.message == "Pulling layers");
    CHECK(shown.progress.layers.at(0).bytes_total == 10);
    catalog->advance(pull->hold(), State::examination, "", progress, noon);
    catalog->advance(pull->hold(), State::conversion, "", progress, noon);
    catalog->advance(pull->hold(), State::transfer, "", progress, noon);
    CHECK_FALSE(catalog->find(key)); // R1
    catalog->publish({pull->hold(), image('a'), "done"}, noon + 2s);
    CHECK(catalog->find(key)->id == id_of('a'));
    CHECK(is_image(catalog->enqueue(request_by(1002), policy, noon + 3s)));
    CHECK(catalog->queue("alpha").empty());
    CHECK(catalog->find_pull(pull->number)->image == id_of('a'));
    CHECK(catalog->find_pull(key)->state == State::ready);
}

TEST_CASE("a step that the table of states does not know is refused, and changes nothing") {
    const Folder folder;
    const auto catalog = open_in(folder);
    (void)catalog->enqueue(request_by(1001), policy, noon);
    const auto hold = catalog->claim("here", noon)->hold();
    CHECK_THROWS_WITH(catalog->publish({hold, image('a'), ""}, noon), Contains("cannot go from PENDING to READY"));
    CHECK_FALSE(catalog->find(key));
    CHECK_THROWS_WITH(catalog->advance({hold.pull + 1, hold.turn}, State::pulling, "", {}, noon),
                      Contains("is not in the catalog"));
    catalog->fail(hold, "the reason", true, noon);
    CHECK_THROWS_WITH(catalog->advance(hold, State::pulling, "", {}, noon), Contains("has ended"));
}

TEST_CASE("R6: two hundred who ask at once cause one pull") {
    const Folder folder;
    const auto catalog = open_in(folder);
    std::atomic<int> begun{0};
    {
        std::vector<std::jthread> people;
        for (unsigned thread = 0; thread < 8; ++thread) {
            people.emplace_back([&, thread] {
                for (unsigned i = 0; i < 25; ++i) {
                    if (catalog->enqueue(request_by(1000 + thread * 25 + i, i % 3 == 0 ? "x" : ""), policy, noon)
                            .is_new)
                        ++begun;
                }
            });
        }
    }
    CHECK(begun == 1);
    CHECK(catalog->queue("alpha").size() == 1);
}

TEST_CASE("each of those who waited is told of the failure, and a new try is one pull again (H7-7)") {
    const Folder folder;
    const auto catalog = open_in(folder);
    for (uid_t uid = 1001; uid < 1011; ++uid) (void)catalog->enqueue(request_by(uid), policy, noon);
    catalog->fail(catalog->claim("here", noon)->hold(), "the registry does not have it", true, noon);
    for (uid_t uid = 1001; uid < 1011; ++uid) {
        const auto answer = catalog->enqueue(request_by(uid), policy, noon + 30s);
        CHECK(pull_in(answer).state == State::failure);
        CHECK(pull_in(answer).message == "the registry does not have it");
    }
    CHECK(catalog->enqueue(request_by(1001), policy, noon + 31s).is_new);
    CHECK_FALSE(catalog->enqueue(request_by(1002), policy, noon + 31s).is_new);
}

TEST_CASE("R2: what a worker had claimed is queued again after its end, and no other worker's (H7-12, H7-15)") {
    const Folder folder;
    const auto catalog = open_in(folder);
    (void)catalog->enqueue(request_by(1001), policy, noon);
    (void)catalog->enqueue(request_by(1001, "", {"alpha", ImageType::docker, "other:1"}), policy, noon);
    const auto mine = *catalog->claim("here", noon);
    (void)catalog->claim("there", noon);
    catalog->advance(mine.hold(), State::pulling, "", progress, noon);
    catalog->set_access(mine.hold(), Access::open, noon);
    CHECK(catalog->recover("here", noon) == 1);
    const auto again = catalog->claim("here", noon);
    REQUIRE(again);
    CHECK(again->number == mine.number);
    CHECK(again->state == State::pending);
    CHECK(again->access == Access::unknown);
    CHECK(again->progress.layers.empty());
    CHECK_FALSE(catalog->claim("here", noon));
}

TEST_CASE("a tag leaves its older image of the same type, and no image of another type (H7-8)") {
    const Folder folder;
    const auto catalog = open_in(folder);
    ImageKey custom = key;
    custom.type = ImageType::custom;
    (void)catalog->enqueue(request_by(1001, "", custom), policy, noon);
    finish_next(*catalog, image('c'), noon);
    (void)catalog->enqueue(request_by(1001), policy, noon);
    finish_next(*catalog, image('a'), noon);
    (void)catalog->enqueue(request_by(1001), policy, noon + 10min);
    finish_next(*catalog, image('b'), noon + 10min);
    CHECK(catalog->find(key)->id == id_of('b'));
    CHECK(catalog->find(custom)->id == id_of('c'));
    REQUIRE(catalog->find("alpha", id_of('a')));
    CHECK(catalog->find("alpha", id_of('a'))->tags.empty());
    const auto gone = catalog->expired("alpha", noon);
    REQUIRE(gone.size() == 1);
    CHECK(gone[0].id == id_of('a'));
    CHECK(catalog->retire("alpha", id_of('a'), std::nullopt, noon));
    CHECK(catalog->expired("alpha", noon).empty());
    CHECK(catalog->remove_tag(key));
    CHECK_FALSE(catalog->remove_tag(key));
    CHECK_FALSE(catalog->find(key));
    CHECK(catalog->find(custom));
    CHECK(catalog->expired("alpha", noon).size() == 1);
}

TEST_CASE("I33: what a caller may not read does not exist for him") {
    const Folder folder;
    const auto catalog = open_in(folder);
    (void)catalog->enqueue(request_by(1001, "x"), policy, noon);
    finish_next(*catalog, image('a', true, {{1001, {{1005}, {}}}}), noon);
    CHECK(catalog->find_readable(key, person(1001)));
    CHECK(catalog->find_readable(key, person(1005)));
    CHECK_FALSE(catalog->find_readable(key, person(1002)));
    CHECK_FALSE(catalog->find_readable("alpha", id_of('a'), person(1002)));
    const auto count = [&](uid_t uid) {
        int seen = 0;
        catalog->for_each_image("alpha", person(uid), [&](const Image &) { ++seen; });
        return seen;
    };
    CHECK(count(1001) == 1);
    CHECK(count(1002) == 0);
    catalog->set_grant("alpha", id_of('a'), {1001, {{1002}, {}}}, noon);
    CHECK(catalog->find_readable(key, person(1002)));
    CHECK_FALSE(catalog->find_readable(key, person(1005)));
}

TEST_CASE("I31: somebody else's access to a private image is verified by a pull of his own, which adds his grant") {
    const Folder folder;
    const auto catalog = open_in(folder);
    (void)catalog->enqueue(request_by(1001, "x"), policy, noon);
    CHECK_FALSE(catalog->enqueue(request_by(1002, "y"), policy, noon).is_new); // nobody knows yet
    const auto first = *catalog->claim("here", noon);
    catalog->set_access(first.hold(), Access::restricted, noon);
    CHECK(catalog->enqueue(request_by(1002, "y"), policy, noon).is_new);
    CHECK(catalog->enqueue(request_by(1003), policy, noon).is_new);
    catalog->advance(first.hold(), State::pulling, "", {}, noon);
    catalog->advance(first.hold(), State::transfer, "", {}, noon);
    catalog->publish({first.hold(), image('a', true, {{1001, {}}}), ""}, noon);
    CHECK_FALSE(is_image(catalog->enqueue(request_by(1002, "y"), policy, noon)));
    finish_next(*catalog, image('a', true, {{1002, {}}}), noon);
    CHECK(is_image(catalog->enqueue(request_by(1002, "y"), policy, noon)));
    CHECK(catalog->find(key)->acl() == Acl{{1001, 1002}, {}});
    catalog->fail(catalog->claim("here", noon)->hold(), "denied", true, noon);
    CHECK(pull_in(catalog->enqueue(request_by(1003), policy, noon)).message == "denied");
}

TEST_CASE("what preview() says is what publish() stores") {
    const Folder folder;
    const auto catalog = open_in(folder);
    (void)catalog->enqueue(request_by(1001, "x"), policy, noon);
    finish_next(*catalog, image('a', true, {{1001, {}}}), noon);
    (void)catalog->enqueue(request_by(1002, "y"), policy, noon);
    const auto pull = *catalog->claim("here", noon);
    const Publication publication{pull.hold(), image('a', true, {{1002, {{7}, {}}}}), ""};
    const Acl expected = catalog->preview(publication).acl();
    CHECK(expected == Acl{{7, 1001, 1002}, {}});
    catalog->advance(pull.hold(), State::pulling, "", {}, noon);
    catalog->advance(pull.hold(), State::transfer, "", {}, noon);
    catalog->publish(publication, noon);
    CHECK(catalog->find(key)->acl() == expected);
}

TEST_CASE("R10: a clock that jumps leaves nothing pending for ever, and fails no pull that is worked on") {
    const Folder folder;
    const auto catalog = open_in(folder);
    (void)catalog->enqueue(request_by(1001), policy, noon + 24h * 365); // then the clock is set right
    (void)catalog->claim("gone", noon + 24h * 365);
    CHECK_FALSE(catalog->enqueue(request_by(1002), policy, noon).is_new);
    CHECK(catalog->find_pull(key)->heartbeat == noon); // and ages from now on

    CHECK_FALSE(catalog->enqueue(request_by(1003), policy, noon + 2h).is_new); // seems stale: not believed yet
    catalog->beat("nobody", noon + 2h);
    PullPolicy at_once = policy;
    at_once.stale_confirmation = 0s;
    const auto anew = catalog->enqueue(request_by(1003), at_once, noon + 2h);
    CHECK(anew.is_new);
    CHECK(catalog->queue("alpha").size() == 1);
    CHECK(pull_in(catalog->enqueue(request_by(1001), policy, noon + 2h)).number == pull_in(anew).number);

    finish_next(*catalog, image('a'), noon + 24h * 365);
    CHECK(is_image(catalog->enqueue(request_by(1001), policy, noon)));
    CHECK(catalog->find(key)->last_pull == noon);
    CHECK(catalog->enqueue(request_by(1001), policy, noon + 5min).is_new);
}

TEST_CASE("a worker's heartbeat keeps its pulls from seeming lost (H7-13)") {
    const Folder folder;
    const auto catalog = open_in(folder);
    PullPolicy at_once = policy;
    at_once.stale_confirmation = 0s;
    (void)catalog->enqueue(request_by(1001), policy, noon);
    (void)catalog->claim("here", noon);
    const ImageKey waiting{"alpha", ImageType::docker, "waiting:1"};
    (void)catalog->enqueue(request_by(1001, "", waiting), policy, noon);
    catalog->beat("here", noon + 5h);
    CHECK_FALSE(catalog->enqueue(request_by(1002, "", waiting), at_once, noon + 5h + 59min).is_new);
    CHECK_FALSE(catalog->enqueue(request_by(1002), at_once, noon + 5h + 59min).is_new);
    CHECK(catalog->enqueue(request_by(1002), at_once, noon + 6h).is_new);
}

TEST_CASE("a lookup moves the expiration only when it moves by more than an hour") {
    const Folder folder;
    const auto catalog = open_in(folder);
    (void)catalog->enqueue(request_by(1001), policy, noon);
    Image stored = image('a');
    stored.expiration = noon + 24h;
    finish_next(*catalog, stored, noon);
    catalog->touch("alpha", id_of('a'), noon + 24h + 59min);
    CHECK(catalog->find(key)->expiration == noon + 24h);
    catalog->touch("alpha", id_of('a'), noon + 25h);
    CHECK(catalog->find(key)->expiration == noon + 25h);
    CHECK(catalog->expired("alpha", noon + 25h).empty());
    CHECK(catalog->expired("alpha", noon + 26h).size() == 1);
}

TEST_CASE("lookups are counted for their own system, newest first (H7-6)") {
    const Folder folder;
    const auto catalog = open_in(folder);
    for (int i = 0; i < 3; ++i)
        catalog->record_lookup({"ann", 1001, "alpha", ImageType::docker, "a:" + std::to_string(i), "8d1f", noon});
    catalog->record_lookup({"bob", 1002, "beta", ImageType::custom, "b", "9e2a", noon});
    const auto rows = catalog->metrics("alpha", 2);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].tag == "a:2");
    CHECK(rows[1].user == "ann");
    CHECK(catalog->metrics("beta", 10).at(0).type == ImageType::custom);
}

TEST_CASE("I35: text from users is a value in SQL, whatever it says") {
    const Folder folder;
    const auto catalog = open_in(folder);
    const std::string text = "x'; DROP TABLE images; --\"y ?1 $1";
    const ImageKey odd{"alpha", ImageType::docker, text};
    auto request = request_by(1001, "", odd);
    request.requester_name = text;
    (void)catalog->enqueue(request, policy, noon);
    const auto pull = *catalog->claim("here", noon);
    CHECK(pull.key.tag == text);
    catalog->fail(pull.hold(), text, true, noon);
    CHECK(catalog->find_pull(odd)->message == text);
    CHECK_FALSE(catalog->find(key));
}
