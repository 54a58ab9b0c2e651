#include "catalog/pull_table.hpp"

#include "catalog/columns.hpp"
#include "catalog/json_columns.hpp"

namespace shifter::catalog::pull_table {

using sql::Statement;

namespace {

constexpr std::int64_t most_ended_pulls = 1000;

#define PULL_COLUMNS                                                                                                   \
    "number, turn, system, type, tag, requester, requester_name, state, message, retryable, requested_acl, "           \
    "has_credentials, access, progress, created, heartbeat, ended, image, requester_gid "
#define SELECT_PULL "SELECT " PULL_COLUMNS

std::string access_column(Access access) {
    switch (access) {
    case Access::open:
        return "open";
    case Access::restricted:
        return "restricted";
    case Access::unknown:
        break;
    }
    return "unknown";
}

Access access_of(const std::string & text) {
    for (const Access access : {Access::unknown, Access::open, Access::restricted}) {
        if (access_column(access) == text) return access;
    }
    throw Error{"the catalog is damaged: the access of a pull cannot be read"};
}

Pull read_pull(Statement & row) {
    Pull pull;
    pull.number = row.integer();
    pull.turn = row.integer();
    pull.key.system = row.text();
    pull.key.type = columns::type_of(row.text());
    pull.key.tag = row.text();
    pull.requester = static_cast<uid_t>(row.integer());
    pull.requester_name = row.text();
    pull.state = columns::state_of(row.text());
    pull.message = row.text();
    pull.retryable = row.integer() != 0;
    pull.requested_acl = acl_of(row.text());
    pull.has_credentials = row.integer() != 0;
    pull.access = access_of(row.text());
    pull.progress = progress_of(row.text());
    pull.created = columns::time_of(row.integer());
    pull.heartbeat = columns::time_of(row.integer());
    if (const auto ended = row.integer_or_null()) pull.ended = columns::time_of(*ended);
    if (const auto image = row.text_or_null()) pull.image = columns::id_of(*image);
    pull.requester_gid = static_cast<gid_t>(row.integer());
    return pull;
}

std::optional<Pull> read_one(Statement & query) {
    if (!query.step()) return std::nullopt;
    return read_pull(query);
}

/** A clock that was ahead has left moments that would stay young for ever. */
void repair_clock(Connection & connection, const ImageKey & key, Time now) {
    for (const char * sql :
         {"UPDATE pulls SET heartbeat = ?1 WHERE heartbeat > ?1 AND system = ?2 AND type = ?3 AND tag = ?4",
          "UPDATE pulls SET ended = ?1 WHERE ended > ?1 AND system = ?2 AND type = ?3 AND tag = ?4"})
        Statement{connection, sql}.bind(columns::of(now), key.system, columns::of(key.type), key.tag).run();
}

/** Of a statement that names the row by its hold, too: nobody has taken the pull between expect() and here. */
void must_have_changed(Connection & connection, const Hold & hold) {
    if (connection.changes() == 0) throw HoldLost{"pull " + std::to_string(hold.pull) + " is another worker's by now"};
}

// Back into the queue: whoever had it has lost it, with what he found out about it.
#define QUEUED_AGAIN                                                                                                   \
    "worker = NULL, turn = turn + 1, home = NULL, content = NULL, state = 'PENDING', access = 'unknown' "

} // namespace

std::vector<Candidate> candidates(Connection & connection, const ImageKey & key, uid_t asker, const PullPolicy & policy,
                                  Time now) {
    repair_clock(connection, key, now);
    Statement query{connection, SELECT_PULL
                    ", uid, was_told, credentials_mark FROM pulls LEFT JOIN requesters ON pull = number AND uid = ? "
                    "WHERE system = ? AND type = ? AND tag = ? AND (ended IS NULL OR ended > ?) ORDER BY number DESC"};
    query.bind(std::int64_t{asker}, key.system, columns::of(key.type), key.tag,
               columns::of(now - failure_counts_for(policy)));
    std::vector<Candidate> found;
    while (query.step()) {
        Candidate candidate;
        candidate.pull = read_pull(query);
        candidate.has_joined = query.integer_or_null().has_value();
        candidate.was_told = query.integer_or_null().value_or(0) != 0;
        candidate.joined_with = query.text_or_null().value_or("");
        found.push_back(std::move(candidate));
    }
    return found;
}

Pull insert(Connection & connection, const PullRequest & request, Time now) {
    // Stored as PENDING, answered as INIT: what clients of the contract see (7.5, point 6).
    std::optional<std::string> home;
    if (!request.home.empty()) home = request.home;
    Statement row{
        connection,
        "INSERT INTO pulls (system, type, tag, requester, requester_name, state, message, retryable, requested_acl, "
        "has_credentials, access, progress, created, heartbeat, requester_gid, home) VALUES (?, ?, ?, ?, ?, 'PENDING', "
        "'Waiting for a worker', 1, ?, ?, 'unknown', ?, ?, ?, ?, ?) RETURNING number"};
    row.bind(request.key.system, columns::of(request.key.type), request.key.tag, std::int64_t{request.requester},
             request.requester_name, to_json(request.requested_acl), request.has_credentials, to_json(Progress{}),
             columns::of(now), columns::of(now), std::int64_t{request.identity.gid}, home);
    const std::int64_t number = row.step() ? row.integer() : 0;
    join(connection, number, request);
    Statement{connection, "DELETE FROM pulls WHERE ended IS NOT NULL AND number <= ?"}
        .bind(number - most_ended_pulls)
        .run();
    Pull pull = columns::undamaged(find(connection, number), "a new pull");
    pull.state = State::init;
    pull.message.clear();
    return pull;
}

void join(Connection & connection, std::int64_t number, const PullRequest & request) {
    std::optional<std::string> login;
    if (!request.sealed_login.empty()) login = request.sealed_login;
    Statement{connection, "INSERT INTO requesters (pull, uid, gid, credentials_mark, was_told, login) VALUES "
                          "(?, ?, ?, ?, 0, ?) ON CONFLICT (pull, uid) DO NOTHING"}
        .bind(number, std::int64_t{request.requester}, std::int64_t{request.identity.gid}, request.credentials_mark,
              login)
        .run();
}

void move_requesters(Connection & connection, std::int64_t from, std::int64_t to) {
    Statement{connection, "INSERT INTO requesters (pull, uid, gid, credentials_mark, was_told) SELECT ?, uid, gid, "
                          "credentials_mark, 0 FROM requesters "
                          "WHERE pull = ? ON CONFLICT (pull, uid) DO NOTHING"}
        .bind(to, from)
        .run();
}

void set_told(Connection & connection, std::int64_t number, uid_t asker) {
    Statement{connection, "UPDATE requesters SET was_told = 1 WHERE pull = ? AND uid = ?"}
        .bind(number, std::int64_t{asker})
        .run();
}

std::optional<Pull> claim(Connection & connection, const std::string & worker, Time now) {
    // The comment is none for PostgreSQL (postgres/dialect.cpp): gateways that claim at once get different pulls.
    Statement query{connection, "UPDATE pulls SET worker = ?1, turn = turn + 1, heartbeat = ?2 WHERE number = (SELECT "
                                "number FROM pulls WHERE ended IS NULL AND worker IS NULL AND (home IS NULL OR home = "
                                "?1) ORDER BY number LIMIT 1 /* FOR UPDATE SKIP LOCKED */) RETURNING " PULL_COLUMNS};
    query.bind(worker, columns::of(now));
    return read_one(query);
}

std::optional<Pull> find(Connection & connection, const ImageKey & key) {
    Statement query{connection,
                    SELECT_PULL "FROM pulls WHERE system = ? AND type = ? AND tag = ? ORDER BY number DESC LIMIT 1"};
    query.bind(key.system, columns::of(key.type), key.tag);
    return read_one(query);
}

std::optional<Pull> find(Connection & connection, std::int64_t number) {
    Statement query{connection, SELECT_PULL "FROM pulls WHERE number = ?"};
    query.bind(number);
    return read_one(query);
}

Pull held(Connection & connection, const Hold & hold) {
    auto pull = find(connection, hold.pull);
    const std::string what = "pull " + std::to_string(hold.pull);
    if (!pull) throw HoldLost{what + " is not in the catalog"};
    if (pull->ended) throw HoldLost{what + " has ended"};
    if (pull->turn != hold.turn) throw HoldLost{what + " is another worker's by now"};
    return *std::move(pull);
}

Pull expect(Connection & connection, const Hold & hold, State to) {
    Pull pull = held(connection, hold);
    if (pull.state != to && !may_follow(pull.state, to)) {
        throw Error{"pull " + std::to_string(hold.pull) + " cannot go from " + std::string{to_string(pull.state)} +
                    " to " + std::string{to_string(to)}};
    }
    return pull;
}

#define OF_HOLD " WHERE number = ? AND turn = ? AND ended IS NULL"

void advance(Connection & connection, const Hold & hold, State state, const std::string & message,
             const Progress & progress, Time now) {
    Statement{connection, "UPDATE pulls SET state = ?, message = ?, progress = ?, heartbeat = ?" OF_HOLD}
        .bind(columns::of(state), message, to_json(progress), columns::of(now), hold.pull, hold.turn)
        .run();
    must_have_changed(connection, hold);
}

void set_access(Connection & connection, const Hold & hold, Access access, Time now) {
    Statement{connection, "UPDATE pulls SET access = ?, heartbeat = ?" OF_HOLD}
        .bind(access_column(access), columns::of(now), hold.pull, hold.turn)
        .run();
    must_have_changed(connection, hold);
}

bool take_content(Connection & connection, const Hold & hold, const ImageId & content) {
    {
        Statement other{connection, "SELECT 1 FROM pulls JOIN pulls AS own ON own.system = pulls.system WHERE "
                                    "own.number = ? AND pulls.number <> own.number AND pulls.ended IS NULL AND "
                                    "pulls.content = ?"};
        other.bind(hold.pull, content.to_string());
        if (other.step()) return false;
    }
    Statement{connection, "UPDATE pulls SET content = ?" OF_HOLD}.bind(content.to_string(), hold.pull, hold.turn).run();
    must_have_changed(connection, hold);
    return true;
}

std::optional<std::string> login(Connection & connection, const Hold & hold) {
    Statement query{connection, "SELECT login FROM requesters JOIN pulls ON number = pull AND uid = requester" OF_HOLD};
    query.bind(hold.pull, hold.turn);
    return query.step() ? query.text_or_null() : std::nullopt;
}

void beat(Connection & connection, const std::string & worker, Time now) {
    Statement{connection, "UPDATE pulls SET heartbeat = ?1 WHERE ended IS NULL AND (worker = ?2 OR (worker IS NULL AND "
                          "(home IS NULL OR home = ?2)))"}
        .bind(columns::of(now), worker)
        .run();
}

void end(Connection & connection, std::int64_t number, State state, const std::string & message, bool retryable,
         const std::optional<ImageId> & image, Time now) {
    std::optional<std::string> id;
    if (image) id = image->to_string();
    Statement{connection, "UPDATE pulls SET state = ?, message = ?, retryable = ?, image = ?, heartbeat = ?, ended = "
                          "?, worker = NULL WHERE number = ?"}
        .bind(columns::of(state), message, retryable, id, columns::of(now), columns::of(now), number)
        .run();
    Statement{connection, "UPDATE requesters SET login = NULL WHERE pull = ? AND login IS NOT NULL"}.bind(number).run();
}

std::vector<Pull> queue(Connection & connection, const std::string & system) {
    Statement query{connection, SELECT_PULL "FROM pulls WHERE ended IS NULL AND system = ? ORDER BY number"};
    query.bind(system);
    std::vector<Pull> pulls;
    while (query.step()) pulls.push_back(read_pull(query));
    return pulls;
}

std::vector<Pull> ended(Connection & connection, const std::string & system, unsigned limit) {
    Statement query{connection,
                    SELECT_PULL "FROM pulls WHERE ended IS NOT NULL AND system = ? ORDER BY number DESC LIMIT ?"};
    query.bind(system, std::int64_t{limit});
    std::vector<Pull> pulls;
    while (query.step()) pulls.push_back(read_pull(query));
    return pulls;
}

unsigned recover(Connection & connection, const std::string & worker, Time now) {
    Statement{connection, "UPDATE pulls SET " QUEUED_AGAIN ", message = 'Queued again after a restart of the service', "
                          "progress = ?1, heartbeat = ?2 WHERE ended IS NULL AND (worker = ?3 OR substr(worker, 1, "
                          "length(?3) + 1) = ?3 || '/')"}
        .bind(to_json(Progress{}), columns::of(now), worker)
        .run();
    return connection.changes();
}

std::vector<Beat> beats_of_others(Connection & connection, const std::string & worker) {
    Statement query{connection, "SELECT number, turn, heartbeat FROM pulls WHERE ended IS NULL AND (worker <> ?1 OR "
                                "(worker IS NULL AND home <> ?1))"};
    query.bind(worker);
    std::vector<Beat> beats;
    while (query.step()) {
        Beat beat;
        beat.hold.pull = query.integer();
        beat.hold.turn = query.integer();
        beat.heartbeat = columns::time_of(query.integer());
        beats.push_back(beat);
    }
    return beats;
}

bool put_back(Connection & connection, const Beat & seen, const char * message, Time now) {
    Statement{connection, "UPDATE pulls SET " QUEUED_AGAIN ", message = ?, progress = ?, heartbeat = ?" OF_HOLD
                          " AND heartbeat = ?"}
        .bind(message, to_json(Progress{}), columns::of(now), seen.hold.pull, seen.hold.turn,
              columns::of(seen.heartbeat))
        .run();
    return connection.changes() > 0;
}

} // namespace shifter::catalog::pull_table
