/**
 * @file
 * Images on their way out: no row, but still files. Each function runs inside the caller's transaction.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/sql.hpp"

namespace shifter::catalog::retired_table {

using sql::Connection;

bool retire(Connection & connection, const std::string & system, const ImageId & id, std::optional<Time> before,
            Time now);
[[nodiscard]] std::vector<RetiredImage> list(Connection & connection, const std::string & system, Time before);
[[nodiscard]] bool contains(Connection & connection, const std::string & system, const ImageId & id);
void forget(Connection & connection, const std::string & system, const ImageId & id);

} // namespace shifter::catalog::retired_table
