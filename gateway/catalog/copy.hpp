/**
 * @file
 * A catalog from one database to another: a site that begins with SQLite and goes on with PostgreSQL keeps its images,
 * readers and claims.
 */
#pragma once

#include "catalog/sql.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace shifter::catalog {

struct CopiedTable {
    std::string name;
    std::uint64_t rows = 0;
};

/**
 * Copies all but what is of a running gateway: pulls on their way (who waits asks again), credentials that were used,
 * turns. One state of `from`, one transaction in `to`: after a failure `to` is as it was. No gateway may run meanwhile.
 *
 * @return how many rows of each table
 * @throws Error when `from` has no catalog or that of another release, or `to` has images, pulls or lookups already
 */
std::vector<CopiedTable> copy_catalog(sql::Database & from, sql::Database & to);

} // namespace shifter::catalog
