/**
 * @file
 * Images, their tags and grants. Each function runs inside the caller's transaction.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/sql.hpp"

namespace shifter::catalog::image_table {

using sql::Connection;

[[nodiscard]] std::optional<Image> find(Connection & connection, const ImageKey & key);
[[nodiscard]] std::optional<Image> find(Connection & connection, const std::string & system, const ImageId & id);
/** Those with a tag that named the index `digest`. */
[[nodiscard]] std::vector<Image> of_index(Connection & connection, const std::string & system,
                                          const std::string & digest);
/** In the order of identifiers, from the first after `after` on, until `visit` says false: probably after `expected`.
 */
void for_each_after(Connection & connection, const std::string & system, const std::string & after,
                    std::size_t expected, const std::function<bool(Image &&)> & visit);
/** Images that everybody may read, with a tag that everybody may see: how many, and the `limit` that were pulled last.
 */
[[nodiscard]] std::uint64_t count_public(Connection & connection, const std::string & system);
void for_each_public(Connection & connection, const std::string & system, unsigned limit,
                     const std::function<void(Image &&)> & visit);
[[nodiscard]] std::vector<Image> expired(Connection & connection, const std::string & system, Time before);
[[nodiscard]] std::uint64_t stored_bytes(Connection & connection, const std::string & system);

/** Writes the image, moves `key`'s tag to it, and stores the grants that changed. */
void store(Connection & connection, const Image & image, const ImageKey & key, Time now);
void set_last_pull(Connection & connection, const std::string & system, const ImageId & id, Time last_pull);
void set_expiration(Connection & connection, const std::string & system, const ImageId & id, Time expiration);
bool remove_tag(Connection & connection, const ImageKey & key);
void set_puller(Connection & connection, const std::string & system, const ImageId & id, uid_t puller);
void set_pinned(Connection & connection, const std::string & system, const ImageId & id, bool is_pinned);
void set_grants(Connection & connection, const std::string & system, const ImageId & id,
                const std::vector<Grant> & grants, Time now);
void set_grant(Connection & connection, const std::string & system, const ImageId & id, const Grant & grant, Time now);
/** When `owner` last changed his grant on the image. */
[[nodiscard]] std::optional<Time> grant_changed(Connection & connection, const std::string & system, const ImageId & id,
                                                uid_t owner);

} // namespace shifter::catalog::image_table
