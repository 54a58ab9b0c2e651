#include "catalog/copy.hpp"

#include "base/error.hpp"
#include "catalog/schema.hpp"

namespace shifter::catalog {

namespace {

using sql::Connection;
using sql::Statement;

struct Table {
    const char * name;
    const char * types; ///< one letter for each column of both statements: i for a number, t for a text
    const char * count;
    const char * select;
    const char * insert;
    const char * number_on; ///< new rows get numbers after the copied ones; null: the database numbers no rows of it
};

// What refers to a table comes after it. Columns that only a pull on its way has are left out.
constexpr Table tables[] = {
    {"images", "itttttttiittiiii", "SELECT count(*) FROM images",
     "SELECT number, system, id, type, manifest_digest, reference, format, platform, size_bytes, is_private, "
     "config, layers, puller, last_pull, expiration, is_pinned FROM images",
     "INSERT INTO images (number, system, id, type, manifest_digest, reference, format, platform, size_bytes, "
     "is_private, config, layers, puller, last_pull, expiration, is_pinned) /* OVERRIDING SYSTEM VALUE */ "
     "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
     "SELECT max(number) FROM images /* IS THE LAST NUMBER */"},
    {"tags", "tttiit", "SELECT count(*) FROM tags",
     "SELECT system, type, tag, image, is_private, index_digest FROM tags",
     "INSERT INTO tags (system, type, tag, image, is_private, index_digest) VALUES (?, ?, ?, ?, ?, ?)", nullptr},
    {"grants", "iiti", "SELECT count(*) FROM grants", "SELECT image, owner, readers, changed FROM grants",
     "INSERT INTO grants (image, owner, readers, changed) VALUES (?, ?, ?, ?)", nullptr},
    {"claims", "tttiii", "SELECT count(*) FROM claims", "SELECT system, type, tag, uid, gid, since FROM claims",
     "INSERT INTO claims (system, type, tag, uid, gid, since) VALUES (?, ?, ?, ?, ?, ?)", nullptr},
    {"retired", "ttii", "SELECT count(*) FROM retired", "SELECT system, id, size_bytes, since FROM retired",
     "INSERT INTO retired (system, id, size_bytes, since) VALUES (?, ?, ?, ?)", nullptr},
    {"pulls", "itttitttitittiiittii", "SELECT count(*) FROM pulls",
     "SELECT number, system, type, tag, requester, requester_name, state, message, retryable, requested_acl, "
     "has_credentials, access, progress, created, heartbeat, ended, image, worker, requester_gid, turn FROM "
     "pulls WHERE ended IS NOT NULL",
     "INSERT INTO pulls (number, system, type, tag, requester, requester_name, state, message, retryable, "
     "requested_acl, has_credentials, access, progress, created, heartbeat, ended, image, worker, "
     "requester_gid, turn) /* OVERRIDING SYSTEM VALUE */ VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
     "?, ?, ?, ?, ?)",
     "SELECT max(number) FROM pulls /* IS THE LAST NUMBER */"},
    {"requesters", "iitii", "SELECT count(*) FROM requesters",
     "SELECT pull, uid, credentials_mark, was_told, gid FROM requesters WHERE pull IN (SELECT number FROM "
     "pulls WHERE ended IS NOT NULL)",
     "INSERT INTO requesters (pull, uid, credentials_mark, was_told, gid) VALUES (?, ?, ?, ?, ?)", nullptr},
    {"lookups", "ititttti", "SELECT count(*) FROM lookups",
     "SELECT number, \"user\", uid, system, type, tag, id, time FROM lookups",
     "INSERT INTO lookups (number, \"user\", uid, system, type, tag, id, time) /* OVERRIDING SYSTEM VALUE */ "
     "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
     "SELECT max(number) FROM lookups /* IS THE LAST NUMBER */"},
};

std::int64_t count(Connection & connection, const char * sql) {
    Statement query{connection, sql};
    return query.step() ? query.integer() : 0;
}

std::uint64_t copy(Connection & from, Connection & to, const Table & table) {
    std::uint64_t rows = 0;
    Statement row{from, table.select};
    while (row.step()) {
        Statement insert{to, table.insert};
        for (const char * type = table.types; *type != '\0'; ++type)
            *type == 'i' ? insert.bind(row.integer_or_null()) : insert.bind(row.text_or_null());
        insert.run();
        ++rows;
    }
    if (table.number_on != nullptr) (void)count(to, table.number_on);
    return rows;
}

} // namespace

std::vector<CopiedTable> copy_catalog(sql::Database & from, sql::Database & to) {
    const auto writer = to.connect(sql::Database::Use::writing);
    sql::Transaction writing{*writer, sql::Kind::alone};
    migrate_schema(*writer, to.name());
    for (const Table & table : tables) {
        if (const std::int64_t rows = count(*writer, table.count); rows != 0)
            throw Error{"cannot copy the catalog to " + quoted(to.name()) + ": it is not empty, there are " +
                        std::to_string(rows) + " rows in its table " + table.name + "; give it an empty database"};
    }
    const auto reader = from.connect(sql::Database::Use::reading);
    const sql::Transaction reading{*reader, sql::Kind::read};
    const std::int64_t known = writer->schema_version();
    if (const std::int64_t found = reader->schema_version(); found != known)
        throw Error{"cannot copy the catalog " + quoted(from.name()) + ": " +
                    (found == 0 ? "there is none in it"
                                : "its schema is " + std::to_string(found) + ", and this release's is " +
                                      std::to_string(known) + "; start the gateway of this release with it once")};
    std::vector<CopiedTable> copied;
    for (const Table & table : tables) copied.push_back({table.name, copy(*reader, *writer, table)});
    writing.commit();
    return copied;
}

} // namespace shifter::catalog
