/**
 * @file
 * The catalog in a database that speaks SQL: one implementation for all of them.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/sql.hpp"

namespace shifter::catalog {

/** Makes the tables where there are none; a newer schema is refused in words (R15). @throws Error, Unavailable */
[[nodiscard]] std::unique_ptr<Catalog> open_catalog(std::unique_ptr<sql::Database> database);

} // namespace shifter::catalog
