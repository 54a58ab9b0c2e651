#include "postgres/dialect.hpp"

#include <catch2/catch.hpp>

using shifter::postgres::schema_in_postgres;
using shifter::postgres::statement_in_postgres;

TEST_CASE("a statement of the catalog is said in PostgreSQL's words") {
    const auto [sqlite, postgres] = GENERATE(table<std::string, std::string>({
        {"SELECT 1", "SELECT 1"},
        {"a = ? AND b = ?", "a = $1 AND b = $2"},
        {"a = ?2 AND b = ?1 AND c = ?2", "a = $2 AND b = $1 AND c = $2"},
        {"a = '?' AND b = ?", "a = '?' AND b = $1"},
        {"LIMIT 1 /* FOR UPDATE SKIP LOCKED */)", "LIMIT 1 FOR UPDATE SKIP LOCKED)"},
        {"SELECT group_concat(tag, ',')", "SELECT string_agg(tag, ',')"},
    }));
    CHECK(statement_in_postgres(sqlite) == postgres);
}

TEST_CASE("a table of the catalog has 64-bit numbers, and texts in the order of their bytes") {
    CHECK(schema_in_postgres(
              "CREATE TABLE a (number INTEGER PRIMARY KEY AUTOINCREMENT, b INTEGER, c TEXT NOT NULL) STRICT, "
              "WITHOUT ROWID;") ==
          "CREATE TABLE a (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b BIGINT, c TEXT COLLATE \"C\" NOT "
          "NULL);");
}
