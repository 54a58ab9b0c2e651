/**
 * @file
 * Lists and documents as JSON text, as they stand in columns of the catalog.
 */
#pragma once

#include "catalog/types.hpp"

namespace shifter::catalog {

[[nodiscard]] std::string to_json(const Acl & acl);
[[nodiscard]] std::string to_json(const Progress & progress);
[[nodiscard]] std::string to_json(const oci::ImageConfig & config, const std::optional<Dropped> & dropped);
/** Of the same column. */
[[nodiscard]] std::optional<Dropped> dropped_of(const std::string & text);
[[nodiscard]] std::string to_json(const std::vector<LayerInfo> & layers);

/** @throws Error for a text that to_json() did not write: the row is damaged, and is not read as if it were empty (R9,
 * I34) */
[[nodiscard]] Acl acl_of(const std::string & json);
[[nodiscard]] Progress progress_of(const std::string & json);
[[nodiscard]] oci::ImageConfig config_of(const std::string & json);
[[nodiscard]] std::vector<LayerInfo> layers_of(const std::string & json);

} // namespace shifter::catalog
