#include "catalog/types.hpp"

#include <catch2/catch.hpp>

using namespace shifter::catalog;

namespace {
const std::vector<State> all{State::init,       State::pending,  State::pulling, State::examination,
                             State::conversion, State::transfer, State::hashing, State::ready,
                             State::failure,    State::expiring, State::expired};
}

TEST_CASE("states have the contract's names (7.4)") {
    for (const State state : all) CHECK(state_named(to_string(state)) == state);
    CHECK(state_named("SUCCESS") == State::ready);
    CHECK_FALSE(state_named("ready"));
}

TEST_CASE("a pull, an import and an expiry go through their states in the contract's order (7.4)") {
    using Path = std::vector<State>;
    const Path path = GENERATE(Path{State::init, State::pending, State::pulling, State::examination, State::conversion,
                                    State::transfer, State::ready},
                               Path{State::init, State::pending, State::hashing, State::transfer, State::ready},
                               Path{State::ready, State::expiring, State::expired});
    for (std::size_t i = 0; i + 1 < path.size(); ++i) CHECK(may_follow(path[i], path[i + 1]));
}

TEST_CASE("nothing follows an end, and everything under way may fail") {
    for (const State to : all) {
        CHECK_FALSE(may_follow(State::failure, to));
        CHECK_FALSE(may_follow(State::expired, to));
        if (to != State::expiring) CHECK_FALSE(may_follow(State::ready, to));
    }
    CHECK(may_follow(State::transfer, State::failure));
    CHECK_FALSE(may_follow(State::pending, State::ready));
    CHECK_FALSE(may_follow(State::pulling, State::ready));
}

TEST_CASE("what was left out of an image is said in a sentence, and nothing is said of nothing") {
    auto [dropped, sentence] = GENERATE(table<Dropped, std::string>({
        {Dropped{}, ""},
        {Dropped{1, 0, 0}, "1 device of its layers was left out"},
        {Dropped{2, 1, 0}, "2 devices and 1 set-id bit of its layers were left out"},
        {Dropped{1, 2, 3}, "1 device and 2 set-id bits and 3 extended attributes of its layers were left out"},
    }));
    CHECK(dropped.sentence() == sentence);
}
