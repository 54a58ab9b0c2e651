/**
 * @file
 * The embedded database: one SQLite file in WAL mode, whose writers take turns. For one gateway.
 */
#pragma once

#include "catalog/sql.hpp"

namespace shifter::catalog {

/** `path` is opened or created (0600) by the first connection that writes. Each waits for others at most 10 s (R9). */
[[nodiscard]] std::unique_ptr<sql::Database> sqlite_database(const std::string & path);

} // namespace shifter::catalog
