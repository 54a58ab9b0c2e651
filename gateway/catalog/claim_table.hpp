/**
 * @file
 * Who wants which tag to stay,. Each function runs inside the caller's transaction.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/sql.hpp"

namespace shifter::catalog::claim_table {

using sql::Connection;

/** Nothing changes when he has one, or when there is no such tag. */
void add(Connection & connection, const ImageKey & key, const Claim & claim);
/** A claim for each who waited for a pull: the requester, and those who joined and may see what it brought. */
void add_requesters(Connection & connection, const Pull & pull, Time now);
void remove(Connection & connection, const ImageKey & key, uid_t uid);
void move(Connection & connection, const std::string & system, const ImageId & id, uid_t from, const Claim & to);
[[nodiscard]] std::vector<Claim> claims(Connection & connection, const ImageKey & key);
[[nodiscard]] std::vector<std::string> claimed_tags(Connection & connection, const std::string & system,
                                                    const ImageId & id, uid_t uid);
[[nodiscard]] std::vector<ImageKey> claimed_by(Connection & connection, const std::string & system, uid_t uid);
[[nodiscard]] Usage usage_of_user(Connection & connection, const std::string & system, uid_t uid);
[[nodiscard]] Usage usage_of_group(Connection & connection, const std::string & system, gid_t gid);

} // namespace shifter::catalog::claim_table
