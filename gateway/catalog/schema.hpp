/**
 * @file
 * The tables of the embedded catalog, and the way from an older release's to ours (R15).
 */
#pragma once

#include "catalog/sqlite.hpp"

namespace shifter::catalog {

/** Brings the schema to this release's version, all or nothing. @throws Error for a newer one, untouched */
void migrate_schema(sqlite::Connection & writer);

} // namespace shifter::catalog
