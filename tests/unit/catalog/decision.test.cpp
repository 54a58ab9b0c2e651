#include "catalog/decision.hpp"

#include "samples.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;
using namespace std::chrono_literals;

namespace {

const PullPolicy policy;

Candidate pull_by(uid_t uid, Access access, bool has_credentials = false) {
    Candidate candidate;
    candidate.pull.key = key;
    candidate.pull.requester = uid;
    candidate.pull.state = State::pulling;
    candidate.pull.access = access;
    candidate.pull.has_credentials = has_credentials;
    candidate.pull.heartbeat = noon;
    return candidate;
}

Candidate failure_of(uid_t uid, Time ended, bool retryable, bool was_told, std::string mark = "") {
    Candidate candidate = pull_by(uid, Access::unknown, !mark.empty());
    candidate.pull.state = State::failure;
    candidate.pull.ended = ended;
    candidate.pull.retryable = retryable;
    candidate.has_joined = true;
    candidate.was_told = was_told;
    candidate.joined_with = std::move(mark);
    return candidate;
}

Verdict verdict(const Situation & situation, const PullRequest & request, Time now = noon) {
    return decide(situation, request, policy, now).verdict;
}

Image published(char digit, Time when, bool is_private = false, std::vector<Grant> grants = {}) {
    Image found = image(digit, is_private, std::move(grants));
    found.tags = {key.tag};
    if (is_private) found.private_tags = {key.tag};
    found.last_pull = when;
    return found;
}

} // namespace

TEST_CASE("an image is pulled when nobody has it, or when it is older than PullUpdateTimeout (contract 7.5)") {
    CHECK(verdict({}, request_by(1001)) == Verdict::start);
    CHECK(verdict({{}, published('a', noon - 299s), {}}, request_by(1001)) == Verdict::answer_image);
    CHECK(verdict({{}, published('a', noon - 300s), {}}, request_by(1001)) == Verdict::start);
}

TEST_CASE("R10: an image that was pulled in the future counts as pulled now") {
    CHECK(verdict({{}, published('a', noon + 10h), {}}, request_by(1001)) == Verdict::answer_image);
}

TEST_CASE("R6: whoever asks for a public image on its way joins that pull, with credentials or without") {
    auto [access, owner_has, asker_mark] = GENERATE(table<Access, bool, std::string>({
        {Access::unknown, false, ""},
        {Access::unknown, true, "x"},
        {Access::unknown, true, ""},
        {Access::unknown, false, "x"},
        {Access::open, false, ""},
        {Access::open, true, "x"},
    }));
    CHECK(verdict({{pull_by(1001, access, owner_has)}, {}, {}}, request_by(1002, asker_mark)) == Verdict::join_pull);
}

TEST_CASE("I31: a pull that needed its requester's credentials is joined by nobody else") {
    Candidate restricted = pull_by(1001, Access::restricted, true);
    CHECK(verdict({{restricted}, {}, {}}, request_by(1002, "x")) == Verdict::start);
    CHECK(verdict({{restricted}, {}, {}}, request_by(1002)) == Verdict::start);
    restricted.pull.has_credentials = false; // whatever made it restricted
    CHECK(verdict({{restricted}, {}, {}}, request_by(1002)) == Verdict::start);
    restricted.has_joined = true; // while nobody knew
    CHECK(verdict({{restricted}, {}, {}}, request_by(1002, "x")) == Verdict::start);
    CHECK(verdict({{restricted}, {}, {}}, request_by(1001, "y")) == Verdict::answer_pull);
}

TEST_CASE("where the image is known to be private, only requests without credentials wait for each other") {
    const Situation situation{{pull_by(1002, Access::unknown, true), pull_by(1001, Access::restricted, true)}, {}, {}};
    CHECK(verdict(situation, request_by(1003, "x")) == Verdict::start);
    const Situation anonymous{{pull_by(1002, Access::unknown), pull_by(1001, Access::restricted, true)}, {}, {}};
    CHECK(verdict(anonymous, request_by(1003)) == Verdict::join_pull);
    CHECK(verdict(anonymous, request_by(1003, "x")) == Verdict::start);
}

TEST_CASE("I33: a private image is no answer for who may not read it: his own access is verified") {
    const Situation situation{{}, published('a', noon, true, {{1001, {{1005}, {}}}}), {}};
    CHECK(verdict(situation, request_by(1002)) == Verdict::start);
    CHECK(verdict(situation, request_by(1002, "x")) == Verdict::start);
    CHECK(verdict(situation, request_by(1001, "x")) == Verdict::answer_image);
    CHECK(verdict(situation, request_by(1005)) == Verdict::answer_image);
}

TEST_CASE("a reader without a login gets what the owner has pulled, however old") {
    const Situation situation{{}, published('a', noon - 24h, true, {{1001, {{1005}, {}}}}), {}};
    CHECK(verdict(situation, request_by(1005)) == Verdict::answer_image);
    CHECK(verdict(situation, request_by(1005, "x")) == Verdict::start);
}

TEST_CASE("other readers than before start a pull, which verifies the owner's access (contract 7.5, point 4)") {
    Situation situation{{}, published('a', noon, true, {{1001, {{1005}, {}}}}), noon - 11s};
    auto request = request_by(1001, "x");
    request.requested_acl = {{1006}, {}};
    CHECK(verdict(situation, request) == Verdict::start);
    situation.own_grant_changed = noon - 9s;
    CHECK(verdict(situation, request) == Verdict::answer_image);
    situation.own_grant_changed = noon - 1h;
    request.requested_acl = {{1005}, {}};
    CHECK(verdict(situation, request) == Verdict::answer_image);
    request.requested_acl = {};
    CHECK(verdict(situation, request) == Verdict::answer_image);
}

TEST_CASE("readers that are named for a public image start nothing") {
    auto request = request_by(1001);
    request.requested_acl = {{1006}, {}};
    CHECK(verdict({{}, published('a', noon), {}}, request) == Verdict::answer_image);
}

TEST_CASE("a failure is told to each who waited, then another try is a new try (H7-7)") {
    CHECK(verdict({{failure_of(1001, noon - 60s, true, false)}, {}, {}}, request_by(1001)) == Verdict::answer_pull);
    CHECK(verdict({{failure_of(1001, noon - 60s, true, true)}, {}, {}}, request_by(1001)) == Verdict::start);
    // Another client of the same person polls within the same half second.
    CHECK(verdict({{failure_of(1001, noon - 300ms, true, true)}, {}, {}}, request_by(1001)) == Verdict::answer_pull);
}

TEST_CASE("a failure that would repeat holds for PullUpdateTimeout, unless requester or credentials change (H7-7)") {
    const Candidate lasting = failure_of(1001, noon - 60s, false, true, "x");
    CHECK(verdict({{lasting}, {}, {}}, request_by(1001, "x")) == Verdict::answer_pull);
    CHECK(verdict({{lasting}, {}, {}}, request_by(1001, "y")) == Verdict::start);
    CHECK(verdict({{lasting}, {}, {}}, request_by(1001)) == Verdict::start);
    CHECK(verdict({{failure_of(1001, noon - 301s, false, true, "x")}, {}, {}}, request_by(1001, "x")) ==
          Verdict::start);
    Candidate foreign = lasting;
    foreign.has_joined = false;
    CHECK(verdict({{foreign}, {}, {}}, request_by(1002, "x")) == Verdict::start);
}

TEST_CASE("the failure of somebody's credentials says nothing to another who waited for it") {
    Candidate failure = failure_of(1001, noon - 1s, false, false, "x");
    failure.joined_with = "z"; // what the asker had
    CHECK(verdict({{failure}, {}, {}}, request_by(1002, "z")) == Verdict::start);
    failure.joined_with = "";
    CHECK(verdict({{failure}, {}, {}}, request_by(1002)) == Verdict::start);
    failure.pull.access = Access::open;
    CHECK(verdict({{failure}, {}, {}}, request_by(1002)) == Verdict::answer_pull);
}

TEST_CASE("an image that came after a failure is the answer") {
    const Situation situation{{failure_of(1001, noon - 60s, false, true)}, published('a', noon - 30s), {}};
    CHECK(verdict(situation, request_by(1001)) == Verdict::answer_image);
}

TEST_CASE("a stale pull is joined by nobody (H7-15)") {
    Candidate stale = pull_by(1001, Access::open);
    stale.is_stale = true;
    stale.has_joined = true;
    CHECK(verdict({{stale}, {}, {}}, request_by(1001)) == Verdict::start);
}

TEST_CASE(
    "with a PullUpdateTimeout of 0 a failure is told once, to each who waited, and the next request is a new try") {
    PullPolicy always;
    always.update_timeout = 0s;
    const bool is_retryable = GENERATE(true, false);
    const auto decided = [&](bool was_told, std::chrono::milliseconds since) {
        return decide({{failure_of(1001, noon, is_retryable, was_told)}, {}, {}}, request_by(1001), always,
                      noon + since)
            .verdict;
    };
    CHECK(decided(false, 0ms) == Verdict::answer_pull);
    CHECK(decided(false, 59s) == Verdict::answer_pull);
    CHECK(decided(false, 60s) == Verdict::start); // nobody follows a pull so slowly: it is a request of its own
    CHECK(decided(true, 599ms) == Verdict::answer_pull);
    CHECK(decided(true, 600ms) == Verdict::start);
}
