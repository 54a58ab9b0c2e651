#include "catalog/retired_table.hpp"

#include "catalog/columns.hpp"

namespace shifter::catalog::retired_table {

using sql::Statement;

bool retire(Connection & connection, const std::string & system, const ImageId & id, std::optional<Time> before,
            Time now) {
    std::optional<std::int64_t> limit;
    if (before) limit = columns::of(*before);
    Statement{connection,
              "INSERT INTO retired (system, id, size_bytes, since) SELECT system, id, size_bytes, ?1 FROM images WHERE "
              "system = ?2 AND id = ?3 AND ((expiration < ?4 AND is_pinned = 0) OR NOT EXISTS (SELECT 1 FROM tags "
              "WHERE tags.image = images.number)) ON CONFLICT (system, id) DO UPDATE SET since = excluded.since"}
        .bind(columns::of(now), system, id.to_string(), limit) // a comparison with NULL is never true
        .run();
    if (connection.changes() == 0) return false;
    Statement{connection, "DELETE FROM images WHERE system = ? AND id = ?"}.bind(system, id.to_string()).run();
    return true;
}

void announce(Connection & connection, const std::string & system, const ImageId & id, std::uint64_t size_bytes,
              Time now) {
    Statement{connection,
              "INSERT INTO retired (system, id, size_bytes, since) VALUES (?, ?, ?, ?) ON CONFLICT (system, "
              "id) DO UPDATE SET size_bytes = excluded.size_bytes, since = excluded.since"}
        .bind(system, id.to_string(), columns::of(size_bytes), columns::of(now))
        .run();
}

std::vector<RetiredImage> list(Connection & connection, const std::string & system, Time before) {
    Statement query{connection,
                    "SELECT id, size_bytes, since FROM retired WHERE system = ? AND since <= ? ORDER BY since"};
    query.bind(system, columns::of(before));
    std::vector<RetiredImage> images;
    while (query.step()) {
        RetiredImage image{columns::id_of(query.text()), 0, {}};
        image.size_bytes = static_cast<std::uint64_t>(query.integer());
        image.since = columns::time_of(query.integer());
        images.push_back(std::move(image));
    }
    return images;
}

bool contains(Connection & connection, const std::string & system, const ImageId & id) {
    Statement query{connection, "SELECT 1 FROM retired WHERE system = ? AND id = ?"};
    query.bind(system, id.to_string());
    return query.step();
}

void forget(Connection & connection, const std::string & system, const ImageId & id) {
    Statement{connection, "DELETE FROM retired WHERE system = ? AND id = ?"}.bind(system, id.to_string()).run();
}

} // namespace shifter::catalog::retired_table
