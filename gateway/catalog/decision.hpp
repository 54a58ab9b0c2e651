/**
 * @file
 * Contract 7.5 as one pure function, for every database alike: does a request join a pull, is it answered with an
 * image, or does it start a pull? The reasons for each rule are in docs/explanation/pulls.md.
 */
#pragma once

#include "catalog/catalog.hpp"

#include <algorithm>

namespace shifter::catalog {

/** A pull of the requested key, as the asker stands to it. */
struct Candidate {
    Pull pull;
    bool is_stale = false;   ///< nobody has worked on it for heartbeat_timeout
    bool has_joined = false; ///< the asker has started it or joined it
    bool was_told = false;   ///< the asker was answered with its failure before
    std::string joined_with; ///< his credentials_mark when he joined
};

struct Situation {
    std::vector<Candidate> pulls; ///< newest first: all under way, and those that ended lately
    std::optional<Image> image;   ///< the image that holds the tag
    /** When the asker's own grant on it was last changed. */
    std::optional<Time> own_grant_changed;
};

enum class Verdict { answer_pull, join_pull, answer_image, start };

struct Decision {
    Verdict verdict = Verdict::start;
    std::size_t pull = 0; ///< index into Situation::pulls
};

[[nodiscard]] Decision decide(const Situation & situation, const PullRequest & request, const PullPolicy & policy,
                              Time now);

/** Who asks, as access lists see him. */
[[nodiscard]] inline Identity asker_of(const PullRequest & request) {
    Identity identity = request.identity;
    identity.uid = request.requester;
    return identity;
}

/** For so long a failure may be an answer: whoever follows a pull asks again within a minute, whatever update_timeout.
 */
[[nodiscard]] inline std::chrono::seconds failure_counts_for(const PullPolicy & policy) {
    return std::max(policy.update_timeout, std::chrono::seconds{60});
}

/** Time since `then`; a moment in the future counts as now (R10). */
[[nodiscard]] inline std::chrono::milliseconds age(Time then, Time now) {
    return std::max(now - then, Time::duration::zero());
}

} // namespace shifter::catalog
