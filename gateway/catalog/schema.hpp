/**
 * @file
 * The tables of the catalog, and the way from an older release's to ours (R15).
 */
#pragma once

#include "catalog/sql.hpp"

namespace shifter::catalog {

/** Brings the schema to this release's version; inside the caller's transaction, so all or nothing.
 * @param name  of the database, for the sentence that refuses a newer schema
 * @throws Error for a newer one, untouched */
void migrate_schema(sql::Connection & writer, const std::string & name);

} // namespace shifter::catalog
