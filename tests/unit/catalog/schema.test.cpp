// A catalog as each older release has left it, with rows in it, and what this release makes of it. The first schema is a
// copy: were the migration changed that made it, this test would see it, since what is released never changes.
#include "base/error.hpp"
#include "catalog/sqlite.hpp"

#include "samples.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;

namespace {

constexpr const char * first_schema = R"(
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
PRAGMA user_version = 1;
)";

/** A private image with a reader, and a pull that waits; times in milliseconds. */
constexpr const char * first_rows = R"(
INSERT INTO images VALUES (4, 'alpha', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'docker',
    'sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'docker.io/org/app:1', 'squashfs',
    'linux/amd64', 4096, 1,
    '{"created":"2024","env":["A=1"],"labels":[],"volumes":[],"platform":["linux","amd64",""]}', '[]',
    1001, 1576800000000, NULL);
INSERT INTO tags VALUES ('alpha', 'docker', 'org/app:1', 4, 1);
INSERT INTO grants VALUES (4, 1001, '{"users":[1002],"groups":[]}', 1576800000000);
INSERT INTO pulls VALUES (7, 'alpha', 'docker', 'org/other:1', 1002, 'user1002', 'PENDING', '', 1,
    '{"users":[],"groups":[]}', 0, 'unknown', '{"done":0,"total":0,"layers":[]}', 1576800000000, 1576800000000, NULL,
    NULL, NULL);
INSERT INTO requesters VALUES (7, 1002, '', 0);
)";

std::unique_ptr<sql::Connection> connect(const std::string & path) {
    return sqlite_database(path)->connect(sql::Database::Use::writing);
}

/** All tables and indexes as SQLite keeps them, and the version. */
std::vector<std::string> schema_of(const std::string & path) {
    const auto connection = connect(path);
    std::vector<std::string> lines = {std::to_string(connection->schema_version())};
    sql::Statement query{*connection, "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master "
                                      "WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1"};
    while (query.step()) lines.push_back(query.text());
    return lines;
}

} // namespace

TEST_CASE("R15: a catalog of the first release is brought up to date, with all that is in it") {
    const Folder folder;
    {
        const auto connection = connect(folder / "old");
        connection->execute(first_schema);
        connection->execute(first_rows);
    }
    {
        const auto catalog = open_sqlite_catalog(folder / "old");
        const auto image = catalog->find(key);
        REQUIRE(image);
        CHECK(image->id == id_of('a'));
        CHECK(image->config.env == std::vector<std::string>{"A=1"});
        CHECK(image->is_private);
        REQUIRE(image->grants.size() == 1);
        CHECK(image->grants.front().readers.users == std::vector<uid_t>{1002});
        CHECK(image->last_pull == Time{std::chrono::milliseconds{1'576'800'000'000}});
        const auto pull = catalog->claim("here", noon);
        REQUIRE(pull);
        CHECK(pull->number == 7);
        CHECK(pull->key.tag == "org/other:1");
    }
    {
        const auto connection = connect(folder / "old");
        sql::Statement claims{*connection, "SELECT tag, uid FROM claims"}; // the puller's, as if he had asked today
        REQUIRE(claims.step());
        CHECK(claims.text() == "org/app:1");
        CHECK(claims.integer() == 1001);
        CHECK_FALSE(claims.step());
    }
    (void)open_sqlite_catalog(folder / "new");
    CHECK(schema_of(folder / "old") == schema_of(folder / "new"));
}

TEST_CASE("R15: a change of the schema that fails in its middle has changed nothing") {
    const Folder folder;
    {
        const auto connection = connect(folder / "old");
        connection->execute(first_schema);
        connection->execute(first_rows);
        connection->execute("CREATE TABLE retired (surprise TEXT)"); // the second migration makes one, after another table
    }
    const auto before = schema_of(folder / "old");
    CHECK_THROWS_AS(open_sqlite_catalog(folder / "old"), Error);
    CHECK(schema_of(folder / "old") == before);
    connect(folder / "old")->execute("DROP TABLE retired");
    CHECK(open_sqlite_catalog(folder / "old")->find(key));
}
