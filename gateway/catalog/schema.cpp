#include "catalog/schema.hpp"

#include "base/error.hpp"

#include <array>

namespace shifter::catalog {

namespace {

// From version i to i + 1. Times are milliseconds since the epoch; lists and documents are JSON. A migration, once
// released, never changes. Written for SQLite; postgres/dialect.cpp knows what PostgreSQL calls differently.
constexpr std::array<const char *, 4> migrations{
    R"(
CREATE TABLE images (
    number INTEGER PRIMARY KEY,
    system TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
    manifest_digest TEXT NOT NULL, reference TEXT NOT NULL, format TEXT NOT NULL, platform TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, is_private INTEGER NOT NULL,
    config TEXT NOT NULL, layers TEXT NOT NULL,
    puller INTEGER NOT NULL, last_pull INTEGER NOT NULL, expiration INTEGER,
    UNIQUE (system, id)) STRICT;
CREATE INDEX images_by_expiration ON images (system, expiration);
CREATE TABLE tags (
    system TEXT NOT NULL, type TEXT NOT NULL, tag TEXT NOT NULL,
    image INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    is_private INTEGER NOT NULL,
    PRIMARY KEY (system, type, tag)) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_image ON tags (image, tag);
CREATE TABLE grants (
    image INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    owner INTEGER NOT NULL, readers TEXT NOT NULL, changed INTEGER NOT NULL,
    PRIMARY KEY (image, owner)) STRICT, WITHOUT ROWID;
CREATE TABLE pulls (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    system TEXT NOT NULL, type TEXT NOT NULL, tag TEXT NOT NULL,
    requester INTEGER NOT NULL, requester_name TEXT NOT NULL,
    state TEXT NOT NULL, message TEXT NOT NULL, retryable INTEGER NOT NULL,
    requested_acl TEXT NOT NULL, has_credentials INTEGER NOT NULL, access TEXT NOT NULL,
    progress TEXT NOT NULL, created INTEGER NOT NULL, heartbeat INTEGER NOT NULL,
    ended INTEGER, image TEXT, worker TEXT) STRICT;
CREATE INDEX pulls_by_key ON pulls (system, type, tag, number);
CREATE INDEX pulls_under_way ON pulls (number) WHERE ended IS NULL;
CREATE TABLE requesters (
    pull INTEGER NOT NULL REFERENCES pulls ON DELETE CASCADE,
    uid INTEGER NOT NULL, credentials_mark TEXT NOT NULL, was_told INTEGER NOT NULL,
    PRIMARY KEY (pull, uid)) STRICT, WITHOUT ROWID;
CREATE TABLE lookups (
    number INTEGER PRIMARY KEY,
    "user" TEXT NOT NULL, uid INTEGER NOT NULL, system TEXT NOT NULL, type TEXT NOT NULL, tag TEXT NOT NULL,
    id TEXT NOT NULL, time INTEGER NOT NULL) STRICT;
CREATE INDEX lookups_by_system ON lookups (system, number);
)",
    // Who wants a tag to stay, what must not expire, and what is gone from the catalog and not yet from the storage.
    R"(
CREATE TABLE claims (
    system TEXT NOT NULL, type TEXT NOT NULL, tag TEXT NOT NULL,
    uid INTEGER NOT NULL, gid INTEGER NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (system, type, tag, uid),
    FOREIGN KEY (system, type, tag) REFERENCES tags ON DELETE CASCADE) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_uid ON claims (system, uid);
CREATE INDEX claims_by_gid ON claims (system, gid);
INSERT INTO claims SELECT tags.system, tags.type, tags.tag, images.puller, 4294967295, images.last_pull
    FROM tags JOIN images ON images.number = tags.image;
CREATE TABLE retired (
    system TEXT NOT NULL, id TEXT NOT NULL, size_bytes INTEGER NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (system, id)) STRICT, WITHOUT ROWID;
ALTER TABLE images ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pulls ADD COLUMN requester_gid INTEGER NOT NULL DEFAULT 4294967295;
ALTER TABLE requesters ADD COLUMN gid INTEGER NOT NULL DEFAULT 4294967295;
)",
    // Several gateways: how often a pull was claimed or taken away (an older turn's worker has lost it), what its
    // worker converts, and which gateway alone has the content that a user has brought; logins for whoever claims the
    // pull, sealed; turns at what one gateway does for all; credentials that were used.
    R"(
ALTER TABLE pulls ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pulls ADD COLUMN content TEXT;
ALTER TABLE pulls ADD COLUMN home TEXT;
ALTER TABLE requesters ADD COLUMN login TEXT;
CREATE TABLE chores (name TEXT NOT NULL PRIMARY KEY, due INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE credentials (digest TEXT NOT NULL PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX credentials_by_end ON credentials (until);
)",
    // The index that a tag named when it was pulled, if it named one: REPOSITORY@DIGEST may mean that.
    R"(
ALTER TABLE tags ADD COLUMN index_digest TEXT NOT NULL DEFAULT '';
CREATE INDEX tags_by_index ON tags (system, index_digest) WHERE index_digest <> '';
)",
};

} // namespace

void migrate_schema(sql::Connection & writer, const std::string & name) {
    const std::int64_t found = writer.schema_version();
    const auto known = static_cast<std::int64_t>(migrations.size());
    if (found < 0 || found > known) {
        throw Error{"cannot use the catalog " + shifter::quoted(name) + ": it was written by a newer release (schema " +
                    std::to_string(found) + ", this one knows " + std::to_string(known) +
                    "); start that release, or restore the older copy"};
    }
    if (found == known) return;
    for (auto version = found; version < known; ++version)
        writer.execute(migrations[static_cast<std::size_t>(version)]);
    writer.set_schema_version(known);
}

} // namespace shifter::catalog
