#include "base/error.hpp"

#include "samples.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <thread>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

const PullPolicy policy;

ImageKey tag(const std::string & name) { return {"alpha", ImageType::docker, name}; }

void take_to(Catalog & catalog, const Hold & hold, State last) {
    for (const State state : {State::pulling, State::examination, State::conversion, State::transfer}) {
        catalog.advance(hold, state, "step", {}, noon);
        if (state == last) return;
    }
}

} // namespace

TEST_CASE("R5: gateways that claim at once get different pulls, and all of them") {
    const Folder folder;
    const auto first = open_in(folder);
    const auto second = open_in(folder);
    for (int i = 0; i < 20; ++i)
        (void)first->enqueue(request_by(1001, "", tag("app:" + std::to_string(i))), policy, noon);
    std::mutex mutex;
    std::multiset<std::int64_t> claimed;
    const auto work = [&](Catalog & catalog, const std::string & worker) {
        while (const auto pull = catalog.claim(worker, noon)) {
            const std::lock_guard lock{mutex};
            claimed.insert(pull->number);
        }
    };
    {
        std::jthread here{[&] { work(*first, "here/1"); }};
        std::jthread there{[&] { work(*second, "there/1"); }};
    }
    CHECK(claimed.size() == 20);
    CHECK(std::set<std::int64_t>(claimed.begin(), claimed.end()).size() == 20);
}

TEST_CASE("R5, R6: people who ask two gateways at once cause one pull") {
    const Folder folder;
    const auto first = open_in(folder);
    const auto second = open_in(folder);
    std::atomic<int> begun{0};
    const auto ask = [&](Catalog & catalog, uid_t uid) {
        for (uid_t i = 0; i < 20; ++i)
            if (catalog.enqueue(request_by(uid + i), policy, noon).is_new) ++begun;
    };
    {
        std::jthread here{[&] { ask(*first, 1000); }};
        std::jthread there{[&] { ask(*second, 2000); }};
    }
    CHECK(begun == 1);
}

TEST_CASE("R5: a worker that stood still has lost its pull, and changes nothing any more") {
    const Folder folder;
    const auto catalog = open_in(folder);
    (void)catalog->enqueue(request_by(1001), policy, noon);
    const Pull lost = *catalog->claim("here/1", noon);
    take_to(*catalog, lost.hold(), State::transfer);
    CHECK(catalog->recover_lost("here/1", 0s, noon) == 0); // one's own are never lost
    CHECK(catalog->recover_lost("there/1", 1h, noon) == 0);
    CHECK(catalog->recover_lost("there/1", 0s, noon) == 1);
    CHECK(catalog->find_pull(key)->state == State::pending);

    const auto is_refused = [&] {
        CHECK_THROWS_AS(catalog->advance(lost.hold(), State::transfer, "", {}, noon), HoldLost);
        CHECK_THROWS_AS(catalog->set_access(lost.hold(), Access::open, noon), HoldLost);
        CHECK_THROWS_AS(catalog->take_content(lost.hold(), id_of('a')), HoldLost);
        CHECK_THROWS_AS(catalog->preview({lost.hold(), image('a'), ""}), HoldLost);
        CHECK_THROWS_AS(catalog->publish({lost.hold(), image('a'), ""}, noon), HoldLost);
        CHECK_THROWS_AS(catalog->fail(lost.hold(), "no", true, noon), HoldLost);
        CHECK_THROWS_AS(catalog->put_back(lost.hold(), noon), HoldLost);
    };
    is_refused();                                       // while nobody has it
    const Pull taken = *catalog->claim("here/1", noon); // even by the same worker
    is_refused();
    CHECK_FALSE(catalog->find(key));
    take_to(*catalog, taken.hold(), State::transfer);
    catalog->publish({taken.hold(), image('a'), ""}, noon);
    is_refused(); // and when it is over
    CHECK(catalog->find(key)->id == id_of('a'));
}

TEST_CASE("R5, R10: a pull whose heart beats is never lost, whatever the clocks of gateways say") {
    const Folder folder;
    const auto catalog = open_in(folder);
    (void)catalog->enqueue(request_by(1001), policy, noon);
    (void)catalog->claim("here/1", noon - 24h * 365);
    for (int i = 0; i < 4; ++i) {
        CHECK(catalog->recover_lost("there/1", 1s, noon + 24h * 365) == 0);
        catalog->beat("here/1", noon - 24h * 365 + std::chrono::milliseconds{i});
        std::this_thread::sleep_for(400ms);
    }
    CHECK(catalog->recover_lost("there/1", 1s, noon) == 0);
    std::this_thread::sleep_for(1100ms);
    CHECK(catalog->recover_lost("there/1", 1s, noon) == 1);
}

TEST_CASE("R5: one content is converted by one gateway at a time, and by the next when that one has lost its pull") {
    const Folder folder;
    const auto catalog = open_in(folder);
    (void)catalog->enqueue(request_by(1001, "", tag("one:1")), policy, noon);
    (void)catalog->enqueue(request_by(1001, "", tag("two:1")), policy, noon);
    const Hold one = catalog->claim("here/1", noon)->hold();
    const Hold two = catalog->claim("there/1", noon)->hold();
    CHECK(catalog->take_content(one, id_of('a')));
    CHECK(catalog->take_content(one, id_of('a')));
    CHECK_FALSE(catalog->take_content(two, id_of('a')));
    CHECK(catalog->take_content(two, id_of('b'))); // and has it no more when it takes another
    catalog->put_back(one, noon);
    CHECK(catalog->take_content(two, id_of('a')));
    catalog->fail(two, "no", true, noon);
    CHECK(catalog->take_content(catalog->claim("here/1", noon)->hold(), id_of('a')));
}

TEST_CASE("R5: what a user has sent to one gateway is pulled by that one alone, and by any when it is gone") {
    const Folder folder;
    const auto catalog = open_in(folder);
    auto request = request_by(1001);
    request.brings_content = true;
    request.home = "here/1";
    (void)catalog->enqueue(request, policy, noon);
    CHECK_FALSE(catalog->claim("there/1", noon));
    const auto pull = catalog->claim("here/1", noon);
    REQUIRE(pull);
    CHECK(catalog->recover("here", noon) == 1); // its next start, which does not have the content, says so
    CHECK(catalog->claim("there/1", noon));
}

TEST_CASE("I36: a sealed login is there for the holder of its pull, and gone with the pull") {
    const Folder folder;
    const auto catalog = open_in(folder);
    auto request = request_by(1001, "mark");
    request.sealed_login = "MUNGE:sealed";
    (void)catalog->enqueue(request, policy, noon);
    const Hold hold = catalog->claim("here/1", noon)->hold();
    CHECK(catalog->sealed_login(hold) == "MUNGE:sealed");
    CHECK_FALSE(catalog->sealed_login({hold.pull, hold.turn + 1}));
    catalog->fail(hold, "no", true, noon);
    CHECK_FALSE(catalog->sealed_login(hold));
}

TEST_CASE("I32: a credential is used once, whichever gateway it is shown to") {
    const Folder folder;
    const auto first = open_in(folder);
    const auto second = open_in(folder);
    CHECK(first->use_once("digest", noon));
    CHECK_FALSE(second->use_once("digest", noon));
    second->beat("here/1", noon + 9min); // clocks may differ
    CHECK_FALSE(first->use_once("digest", noon));
    second->beat("here/1", noon + 11min); // MUNGE itself refuses it by now
    CHECK(first->use_once("digest", noon));
}

TEST_CASE("R5, R10: of several gateways one does what is due, and a clock that was ahead stops nobody") {
    const Folder folder;
    const auto first = open_in(folder);
    const auto second = open_in(folder);
    CHECK(first->take_turn("expiry", 1h, noon));
    CHECK_FALSE(second->take_turn("expiry", 1h, noon + 59min));
    CHECK(second->take_turn("another", 1h, noon));
    CHECK(second->take_turn("expiry", 1h, noon + 60min));
    CHECK(first->take_turn("expiry", 1h, noon - 24h)); // due in more than an hour: by a clock that was wrong
}
