#include "catalog/claim_table.hpp"

#include "catalog/columns.hpp"

namespace shifter::catalog::claim_table {

using sql::Statement;

namespace {

Usage read_usage(Statement & query) {
    Usage usage;
    if (query.step()) {
        usage.images = static_cast<std::uint64_t>(query.integer());
        usage.bytes = static_cast<std::uint64_t>(query.integer());
    }
    return usage;
}

} // namespace

void add(Connection & connection, const ImageKey & key, const Claim & claim) {
    Statement{connection,
              "INSERT INTO claims (system, type, tag, uid, gid, since) SELECT system, type, tag, ?, ?, ? FROM "
              "tags WHERE system = ? AND type = ? AND tag = ? ON CONFLICT DO NOTHING"}
        .bind(std::int64_t{claim.uid}, std::int64_t{claim.gid}, columns::of(claim.since), key.system,
              columns::of(key.type), key.tag)
        .run();
}

void add_requesters(Connection & connection, const Pull & pull, Time now) {
    // Who joined a pull that proved to be private asks again, and gets one of his own (docs/explanation/pulls.md).
    Statement{connection, "INSERT INTO claims (system, type, tag, uid, gid, since) SELECT ?, ?, ?, uid, gid, ? FROM "
                          "requesters WHERE pull = ? AND (uid = ? OR ?) ON CONFLICT DO NOTHING"}
        .bind(pull.key.system, columns::of(pull.key.type), pull.key.tag, columns::of(now), pull.number,
              std::int64_t{pull.requester}, pull.access == Access::open)
        .run();
}

void remove(Connection & connection, const ImageKey & key, uid_t uid) {
    Statement{connection, "DELETE FROM claims WHERE system = ? AND type = ? AND tag = ? AND uid = ?"}
        .bind(key.system, columns::of(key.type), key.tag, std::int64_t{uid})
        .run();
}

void move(Connection & connection, const std::string & system, const ImageId & id, uid_t from, const Claim & to) {
#define TAGS_OF_IMAGE                                                                                                  \
    "(SELECT tag FROM tags JOIN images ON images.number = tags.image WHERE images.system = ?1 AND id = ?2 AND "        \
    "tags.type = claims.type)"
    Statement{connection,
              "INSERT INTO claims (system, type, tag, uid, gid, since) SELECT system, type, tag, ?3, ?4, ?5 "
              "FROM claims WHERE system = ?1 AND uid = ?6 AND tag IN " TAGS_OF_IMAGE " ON CONFLICT DO NOTHING"}
        .bind(system, id.to_string(), std::int64_t{to.uid}, std::int64_t{to.gid}, columns::of(to.since),
              std::int64_t{from})
        .run();
    Statement{connection, "DELETE FROM claims WHERE system = ?1 AND uid = ?3 AND tag IN " TAGS_OF_IMAGE}
        .bind(system, id.to_string(), std::int64_t{from})
        .run();
#undef TAGS_OF_IMAGE
}

std::vector<Claim> claims(Connection & connection, const ImageKey & key) {
    Statement query{connection,
                    "SELECT uid, gid, since FROM claims WHERE system = ? AND type = ? AND tag = ? ORDER BY uid"};
    query.bind(key.system, columns::of(key.type), key.tag);
    std::vector<Claim> found;
    while (query.step()) {
        Claim claim;
        claim.uid = static_cast<uid_t>(query.integer());
        claim.gid = static_cast<gid_t>(query.integer());
        claim.since = columns::time_of(query.integer());
        found.push_back(claim);
    }
    return found;
}

std::vector<std::string> claimed_tags(Connection & connection, const std::string & system, const ImageId & id,
                                      uid_t uid) {
    Statement query{connection, "SELECT tags.tag FROM images JOIN tags ON tags.image = images.number JOIN claims ON "
                                "claims.system = tags.system AND claims.type = tags.type AND claims.tag = tags.tag "
                                "WHERE images.system = ? AND id = ? AND uid = ? ORDER BY tags.tag"};
    query.bind(system, id.to_string(), std::int64_t{uid});
    std::vector<std::string> tags;
    while (query.step()) tags.push_back(query.text());
    return tags;
}

std::vector<ImageKey> claimed_by(Connection & connection, const std::string & system, uid_t uid) {
    Statement query{connection, "SELECT type, tag FROM claims WHERE system = ? AND uid = ? ORDER BY type, tag"};
    query.bind(system, std::int64_t{uid});
    std::vector<ImageKey> keys;
    while (query.step()) {
        const ImageType type = columns::type_of(query.text());
        keys.push_back({system, type, query.text()});
    }
    return keys;
}

#define USAGE                                                                                                          \
    "SELECT count(*), coalesce(sum(size_bytes), 0) FROM images WHERE number IN (SELECT image FROM tags JOIN claims "   \
    "ON "                                                                                                              \
    "claims.system = tags.system AND claims.type = tags.type AND claims.tag = tags.tag WHERE claims.system = ? AND "

Usage usage_of_user(Connection & connection, const std::string & system, uid_t uid) {
    Statement query{connection, USAGE "uid = ?)"};
    query.bind(system, std::int64_t{uid});
    return read_usage(query);
}

Usage usage_of_group(Connection & connection, const std::string & system, gid_t gid) {
    Statement query{connection, USAGE "gid = ?)"};
    query.bind(system, std::int64_t{gid});
    return read_usage(query);
}

} // namespace shifter::catalog::claim_table
