/**
 * @file
 * A PostgreSQL server as the catalog's database: for several gateways that share catalogue, queue and storage.
 *
 * Rules: PostgreSQL 12 or newer. What it calls differently than SQLite is in dialect.hpp.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/sql.hpp"

#include <memory>
#include <string>

namespace shifter::postgres {

/** Whether a value of `Database` names a server: "postgresql://…" or "postgres://…". */
[[nodiscard]] bool is_address(const std::string & database) noexcept;

/** The address for people: the password, wherever libpq takes one, is left out (I36). */
[[nodiscard]] std::string without_password(const std::string & address);
[[nodiscard]] inline bool has_password(const std::string & address) { return without_password(address) != address; }

/** The server as a database of SQL, for copies. */
[[nodiscard]] std::unique_ptr<catalog::sql::Database> database(const std::string & address);

/**
 * Makes the tables where there are none. A server that goes away later is Unavailable, and is connected to again when
 * it is needed next.
 *
 * @param address  a connection URI as libpq has it; the password comes from it, from PGPASSFILE or ~/.pgpass
 * @throws Unavailable when the server does not answer, or does not let us in; Error for a schema that is newer, or a
 *         server that is too old
 */
[[nodiscard]] std::unique_ptr<catalog::Catalog> open_catalog(const std::string & address);

} // namespace shifter::postgres
