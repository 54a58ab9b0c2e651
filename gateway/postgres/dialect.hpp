/**
 * @file
 * The catalog's SQL, written once for SQLite, in PostgreSQL's words. Pure text in, text out, for texts of ours alone.
 */
#pragma once

#include <string>
#include <string_view>

namespace shifter::postgres {

/** A statement: parameters become $1, $2…; group_concat() string_agg(); the hint in a comment is taken out of it. */
[[nodiscard]] std::string statement_in_postgres(std::string_view sql);

/** A migration: 64-bit integers, text that is compared byte by byte, no SQLite table options. */
[[nodiscard]] std::string schema_in_postgres(std::string_view sql);

} // namespace shifter::postgres
