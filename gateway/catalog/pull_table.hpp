/**
 * @file
 * Pulls and who has joined them, in SQLite. Each function runs inside the caller's transaction.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/decision.hpp"
#include "catalog/sqlite.hpp"

namespace shifter::catalog::pull_table {

using sqlite::Connection;

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
/** The pull, when it is under way and may go to `to`. @throws Error otherwise */
[[nodiscard]] Pull expect(Connection & connection, std::int64_t number, State to);
void advance(Connection & connection, std::int64_t number, State state, const std::string & message,
             const Progress & progress, Time now);
void set_access(Connection & connection, std::int64_t number, Access access, Time now);
void beat(Connection & connection, const std::string & worker, Time now);
void end(Connection & connection, std::int64_t number, State state, const std::string & message, bool retryable,
         const std::optional<ImageId> & image, Time now);
[[nodiscard]] std::vector<Pull> queue(Connection & connection, const std::string & system);
[[nodiscard]] std::vector<Pull> ended(Connection & connection, const std::string & system, unsigned limit);
[[nodiscard]] unsigned recover(Connection & connection, const std::string & worker, Time now);

} // namespace shifter::catalog::pull_table
