/**
 * @file
 * Pulls and who has joined them,. Each function runs inside the caller's transaction.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/decision.hpp"
#include "catalog/sql.hpp"

namespace shifter::catalog::pull_table {

using sql::Connection;

/** Pulls of `key` that matter to decide(), newest first; moments in the future are set to `now` (R10). */
[[nodiscard]] std::vector<Candidate> candidates(Connection & connection, const ImageKey & key, uid_t asker,
                                                const PullPolicy & policy, Time now);
/** A new queued pull; older ended ones beyond the last 1000 go. */
[[nodiscard]] Pull insert(Connection & connection, const PullRequest & request, Time now);
void join(Connection & connection, std::int64_t number, const PullRequest & request);
/** Who has waited for a lost pull waits for the one that takes its place. */
void move_requesters(Connection & connection, std::int64_t from, std::int64_t to);
void set_told(Connection & connection, std::int64_t number, uid_t asker);

[[nodiscard]] std::optional<Pull> claim(Connection & connection, const std::string & worker, Time now);
[[nodiscard]] std::optional<Pull> find(Connection & connection, const ImageKey & key);
[[nodiscard]] std::optional<Pull> find(Connection & connection, std::int64_t number);
/** The pull, when it is under way and still the holder's. @throws HoldLost */
[[nodiscard]] Pull held(Connection & connection, const Hold & hold);
/** The same, when it may go to `to`. @throws HoldLost, Error */
[[nodiscard]] Pull expect(Connection & connection, const Hold & hold, State to);
void advance(Connection & connection, const Hold & hold, State state, const std::string & message,
             const Progress & progress, Time now);
void set_access(Connection & connection, const Hold & hold, Access access, Time now);
[[nodiscard]] bool take_content(Connection & connection, const Hold & hold, const ImageId & content);
[[nodiscard]] std::optional<std::string> login(Connection & connection, const Hold & hold);
void beat(Connection & connection, const std::string & worker, Time now);
void end(Connection & connection, std::int64_t number, State state, const std::string & message, bool retryable,
         const std::optional<ImageId> & image, Time now);
[[nodiscard]] std::vector<Pull> queue(Connection & connection, const std::string & system);
[[nodiscard]] std::vector<Pull> ended(Connection & connection, const std::string & system, unsigned limit);
[[nodiscard]] unsigned recover(Connection & connection, const std::string & worker, Time now);

/** A sign of life, as it was read. */
struct Beat {
    Hold hold;
    Time heartbeat;
};
[[nodiscard]] std::vector<Beat> beats_of_others(Connection & connection, const std::string & worker);
/** Queues the pull again unless anything has moved since; false when it has. */
bool put_back(Connection & connection, const Beat & seen, const char * message, Time now);

} // namespace shifter::catalog::pull_table
