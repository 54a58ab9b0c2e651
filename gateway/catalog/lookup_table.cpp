#include "catalog/lookup_table.hpp"

#include "catalog/columns.hpp"

namespace shifter::catalog::lookup_table {

using sql::Statement;

namespace {
constexpr std::int64_t most_lookups = 100'000;
} // namespace

void add(Connection & connection, std::span<const MetricsRow> lookups) {
    std::int64_t last = 0;
    for (const MetricsRow & lookup : lookups) {
        Statement insertion{connection,
                            "INSERT INTO lookups (\"user\", uid, system, type, tag, id, time) VALUES (?, ?, "
                            "?, ?, ?, ?, ?) RETURNING number"};
        insertion.bind(lookup.user, std::int64_t{lookup.uid}, lookup.system, columns::of(lookup.type), lookup.tag,
                       lookup.id, columns::of(lookup.time));
        if (insertion.step()) last = insertion.integer();
    }
    Statement{connection, "DELETE FROM lookups WHERE number <= ?"}.bind(last - most_lookups).run();
}

std::vector<MetricsRow> latest(Connection & connection, const std::string & system, unsigned limit) {
    Statement query{connection, "SELECT \"user\", uid, system, type, tag, id, time FROM lookups WHERE system = ? ORDER "
                                "BY number DESC LIMIT ?"};
    query.bind(system, limit);
    std::vector<MetricsRow> rows;
    while (query.step()) {
        MetricsRow row;
        row.user = query.text();
        row.uid = static_cast<uid_t>(query.integer());
        row.system = query.text();
        row.type = columns::type_of(query.text());
        row.tag = query.text();
        row.id = query.text();
        row.time = columns::time_of(query.integer());
        rows.push_back(std::move(row));
    }
    return rows;
}

} // namespace shifter::catalog::lookup_table
