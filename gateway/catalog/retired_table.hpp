/**
 * @file
 * Images on their way out, and files that never got a row: no row, but still files. Each function runs inside the
 * caller's transaction.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/sql.hpp"

namespace shifter::catalog::retired_table {

using sql::Connection;

bool retire(Connection & connection, const std::string & system, const ImageId & id, std::optional<Time> before,
            Time now);
/** Files that have no row yet. */
void announce(Connection & connection, const std::string & system, const ImageId & id, std::uint64_t size_bytes,
              Time now);
[[nodiscard]] std::vector<RetiredImage> list(Connection & connection, const std::string & system, Time before);
[[nodiscard]] bool contains(Connection & connection, const std::string & system, const ImageId & id);
void forget(Connection & connection, const std::string & system, const ImageId & id);

} // namespace shifter::catalog::retired_table
