#include "catalog/pull_table.hpp"

#include "catalog/columns.hpp"
#include "catalog/json_columns.hpp"

namespace shifter::catalog::pull_table {

using sqlite::Statement;

namespace {

constexpr std::int64_t most_ended_pulls = 1000;

#define PULL_COLUMNS                                                                                                   \
    "SELECT number, system, type, tag, requester, requester_name, state, message, retryable, requested_acl, "          \
    "has_credentials, "                                                                                                \
    "access, progress, created, heartbeat, ended, image, requester_gid "

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
    Statement{connection, "UPDATE pulls SET heartbeat = min(heartbeat, ?1), ended = min(ended, ?1) WHERE system = ?2 "
                          "AND type = ?3 AND tag = ?4 "
                          "AND (heartbeat > ?1 OR ended > ?1)"}
        .bind(columns::of(now), key.system, columns::of(key.type), key.tag)
        .run();
}

} // namespace

std::vector<Candidate> candidates(Connection & connection, const ImageKey & key, uid_t asker, const PullPolicy & policy,
                                  Time now) {
    repair_clock(connection, key, now);
    Statement query{connection, PULL_COLUMNS
                    ", uid, was_told, credentials_mark FROM pulls LEFT JOIN requesters ON pull = number AND uid = ? "
                    "WHERE system = ? AND type = ? AND tag = ? AND (ended IS NULL OR ended > ?) ORDER BY number DESC"};
    query.bind(std::int64_t{asker}, key.system, columns::of(key.type), key.tag,
               columns::of(now - policy.update_timeout));
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
    Statement{
        connection,
        "INSERT INTO pulls (system, type, tag, requester, requester_name, state, message, retryable, requested_acl, "
        "has_credentials, access, progress, created, heartbeat, requester_gid) VALUES (?, ?, ?, ?, ?, 'PENDING', "
        "'Waiting "
        "for a worker', 1, ?, ?, 'unknown', ?, ?, ?, ?)"}
        .bind(request.key.system, columns::of(request.key.type), request.key.tag, std::int64_t{request.requester},
              request.requester_name, to_json(request.requested_acl), request.has_credentials, to_json(Progress{}),
              columns::of(now), columns::of(now), std::int64_t{request.identity.gid})
        .run();
    const std::int64_t number = connection.last_row();
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
    Statement{connection, "INSERT INTO requesters (pull, uid, gid, credentials_mark, was_told) VALUES (?, ?, ?, ?, 0) "
                          "ON CONFLICT (pull, uid) DO NOTHING"}
        .bind(number, std::int64_t{request.requester}, std::int64_t{request.identity.gid}, request.credentials_mark)
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
    std::optional<Pull> pull;
    {
        Statement query{connection,
                        PULL_COLUMNS "FROM pulls WHERE ended IS NULL AND worker IS NULL ORDER BY number LIMIT 1"};
        pull = read_one(query);
    }
    if (!pull) return std::nullopt;
    Statement{connection, "UPDATE pulls SET worker = ?, heartbeat = ? WHERE number = ?"}
        .bind(worker, columns::of(now), pull->number)
        .run();
    pull->heartbeat = now;
    return pull;
}

std::optional<Pull> find(Connection & connection, const ImageKey & key) {
    Statement query{connection,
                    PULL_COLUMNS "FROM pulls WHERE system = ? AND type = ? AND tag = ? ORDER BY number DESC LIMIT 1"};
    query.bind(key.system, columns::of(key.type), key.tag);
    return read_one(query);
}

std::optional<Pull> find(Connection & connection, std::int64_t number) {
    Statement query{connection, PULL_COLUMNS "FROM pulls WHERE number = ?"};
    query.bind(number);
    return read_one(query);
}

Pull expect(Connection & connection, std::int64_t number, State to) {
    auto pull = find(connection, number);
    const std::string what = "pull " + std::to_string(number);
    if (!pull) throw Error{what + " is not in the catalog"};
    if (pull->ended) throw Error{what + " has ended"};
    if (pull->state != to && !may_follow(pull->state, to)) {
        throw Error{what + " cannot go from " + std::string{to_string(pull->state)} + " to " +
                    std::string{to_string(to)}};
    }
    return *std::move(pull);
}

void advance(Connection & connection, std::int64_t number, State state, const std::string & message,
             const Progress & progress, Time now) {
    Statement{connection, "UPDATE pulls SET state = ?, message = ?, progress = ?, heartbeat = ? WHERE number = ?"}
        .bind(columns::of(state), message, to_json(progress), columns::of(now), number)
        .run();
}

void set_access(Connection & connection, std::int64_t number, Access access, Time now) {
    Statement{connection, "UPDATE pulls SET access = ?, heartbeat = ? WHERE number = ?"}
        .bind(access_column(access), columns::of(now), number)
        .run();
}

void beat(Connection & connection, const std::string & worker, Time now) {
    Statement{connection, "UPDATE pulls SET heartbeat = ? WHERE ended IS NULL AND (worker = ? OR worker IS NULL)"}
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
}

std::vector<Pull> queue(Connection & connection, const std::string & system) {
    Statement query{connection, PULL_COLUMNS "FROM pulls WHERE ended IS NULL AND system = ? ORDER BY number"};
    query.bind(system);
    std::vector<Pull> pulls;
    while (query.step()) pulls.push_back(read_pull(query));
    return pulls;
}

std::vector<Pull> ended(Connection & connection, const std::string & system, unsigned limit) {
    Statement query{connection,
                    PULL_COLUMNS "FROM pulls WHERE ended IS NOT NULL AND system = ? ORDER BY number DESC LIMIT ?"};
    query.bind(system, std::int64_t{limit});
    std::vector<Pull> pulls;
    while (query.step()) pulls.push_back(read_pull(query));
    return pulls;
}

unsigned recover(Connection & connection, const std::string & worker, Time now) {
    Statement{
        connection,
        "UPDATE pulls SET worker = NULL, state = 'PENDING', message = 'Queued again after a restart of the service', "
        "access = 'unknown', progress = ?, heartbeat = ? WHERE ended IS NULL AND worker = ?"}
        .bind(to_json(Progress{}), columns::of(now), worker)
        .run();
    return connection.changes();
}

} // namespace shifter::catalog::pull_table
