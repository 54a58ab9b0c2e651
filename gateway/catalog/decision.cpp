#include "catalog/decision.hpp"

#include <algorithm>

namespace shifter::catalog {

namespace {

class Judge {
public:
    Judge(const Situation & situation, const PullRequest & request, const PullPolicy & policy, Time now)
        : situation_{situation}, request_{request}, policy_{policy}, now_{now} {}

    [[nodiscard]] Decision decide() const {
        if (request_.brings_content) return {Verdict::start, 0};
        const auto & pulls = situation_.pulls;
        const auto mine =
            std::find_if(pulls.begin(), pulls.end(), [](const Candidate & each) { return each.has_joined; });
        if (mine != pulls.end()) {
            const auto index = static_cast<std::size_t>(mine - pulls.begin());
            if (is_under_way(*mine) && !belongs_to_another(*mine)) return {Verdict::answer_pull, index};
            if (is_failure_of_asker(*mine) && must_still_be_told(*mine)) return {Verdict::answer_pull, index};
        }
        if (image_will_do()) return {Verdict::answer_image, 0};
        for (std::size_t i = 0; i < pulls.size(); ++i) {
            if (is_under_way(pulls[i]) && may_join(pulls[i])) return {Verdict::join_pull, i};
        }
        return {Verdict::start, 0};
    }

private:
    static bool is_under_way(const Candidate & candidate) { return !candidate.pull.ended && !candidate.is_stale; }
    [[nodiscard]] bool is_own(const Candidate & candidate) const {
        return candidate.pull.requester == request_.requester;
    }
    [[nodiscard]] bool belongs_to_another(const Candidate & candidate) const {
        return candidate.pull.access == Access::restricted && !is_own(candidate);
    }

    /** Whether a failure says what another try by the asker would find. */
    [[nodiscard]] bool is_failure_of_asker(const Candidate & candidate) const {
        if (candidate.pull.state != State::failure || !candidate.pull.ended) return false;
        if (candidate.joined_with != request_.credentials_mark) return false; // H7-7: his login has changed
        if (is_own(candidate) || candidate.pull.access == Access::open) return true;
        return !candidate.pull.has_credentials && !request_.has_credentials;
    }

    /** Every client hears of a failure once, whatever update_timeout, or it would ask for ever; after that a lasting
     * one holds for update_timeout, any other is tried anew. */
    [[nodiscard]] bool must_still_be_told(const Candidate & candidate) const {
        const auto since = age(*candidate.pull.ended, now_);
        if (image_will_do() && situation_.image->last_pull >= *candidate.pull.ended) return false;
        if (!candidate.was_told) return since < failure_counts_for(policy_);
        return since < policy_.failure_shown || (!candidate.pull.retryable && since < policy_.update_timeout);
    }

    [[nodiscard]] bool image_will_do() const {
        if (!situation_.image || request_.image_is_damaged) return false;
        const Image & image = *situation_.image;
        if (!image.may_see_tag(asker_of(request_), request_.key.tag)) return false;
        // A reader without a login could not verify a newer one: he gets what its owner pulled.
        if (image.is_private && !request_.has_credentials) return true;
        // Clients poll by asking again: an image that has just become READY must be an answer, whatever the setting.
        const std::chrono::milliseconds fresh =
            std::max<std::chrono::milliseconds>(policy_.update_timeout, std::chrono::seconds{2});
        return age(image.last_pull, now_) < fresh && !asks_for_other_readers(image);
    }

    [[nodiscard]] bool asks_for_other_readers(const Image & image) const {
        if (!image.is_private || request_.requested_acl.is_public()) return false; // public images have none to change
        const auto own = std::find_if(image.grants.begin(), image.grants.end(),
                                      [&](const Grant & grant) { return grant.owner == request_.requester; });
        if (own == image.grants.end()) return true;
        if (own->readers == request_.requested_acl) return false;
        return !situation_.own_grant_changed || age(*situation_.own_grant_changed, now_) >= policy_.acl_change_delay;
    }

    [[nodiscard]] bool may_join(const Candidate & candidate) const {
        if (is_own(candidate) || candidate.pull.access == Access::open) return true;
        if (candidate.pull.access == Access::restricted) return false;
        // Where the image is known to be private, waiting for somebody else's access proves nothing.
        return !is_known_private() || (!candidate.pull.has_credentials && !request_.has_credentials);
    }

    [[nodiscard]] bool is_known_private() const {
        if (situation_.image && situation_.image->is_private) return true;
        return std::any_of(situation_.pulls.begin(), situation_.pulls.end(),
                           [](const Candidate & each) { return each.pull.access == Access::restricted; });
    }

    const Situation & situation_;
    const PullRequest & request_;
    const PullPolicy & policy_;
    Time now_;
};

} // namespace

Decision decide(const Situation & situation, const PullRequest & request, const PullPolicy & policy, Time now) {
    return Judge{situation, request, policy, now}.decide();
}

} // namespace shifter::catalog
