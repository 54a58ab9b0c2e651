/**
 * @file
 * Who has looked up what, for GET /api/metrics (contract 7.3). Each function runs inside the caller's transaction.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/sql.hpp"

#include <span>

namespace shifter::catalog::lookup_table {

using sql::Connection;

/** The table keeps the latest hundred thousand. */
void add(Connection & connection, std::span<const MetricsRow> lookups);
[[nodiscard]] std::vector<MetricsRow> latest(Connection & connection, const std::string & system, unsigned limit);

} // namespace shifter::catalog::lookup_table
