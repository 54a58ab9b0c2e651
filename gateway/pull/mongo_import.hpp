/**
 * @file
 * Takes over what a deployed Shifter gateway has published: its MongoDB collection `images` (contract 7.4), as
 * mongoexport writes it, one JSON document a line. The image files stay where they are.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "pull/gateway_settings.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace shifter::pull {

struct MongoReport {
    unsigned adopted = 0;             ///< tags that are in the catalog now, or would be
    unsigned known = 0;               ///< tags that were there before
    std::vector<std::string> skipped; ///< one sentence for each document or tag that was not taken
};

/**
 * Adopts READY images of this gateway's systems whose file and record are whole in imageDir. A tag that the catalog has
 * already stays as it is, so the same import may be repeated. A private image keeps its readers, belongs to the admins
 * until somebody pulls it anew, and is skipped when it names no reader: the deployed gateway showed it to everybody
 * (H7-16). Lines have at most 16 MiB.
 */
[[nodiscard]] MongoReport import_mongo(std::istream & lines, const GatewaySettings & settings,
                                       catalog::Catalog & catalog, bool dry_run, catalog::Time now);

} // namespace shifter::pull
