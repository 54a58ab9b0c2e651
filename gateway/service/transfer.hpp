/**
 * @file
 * What the gateway does once, in place of serving, when a site moves to it or from one database to another.
 */
#pragma once

#include "service/gateway_config.hpp"

#include <iosfwd>
#include <string>

namespace shifter::service {

/** --import-mongo: takes over the images of a deployed gateway. `out` gets a line for each that is skipped, and the
 * sum.
 * @return the exit status @throws Error when nothing can be taken over */
[[nodiscard]] int take_over(const GatewayConfig & config, const std::string & mongo_export, bool dry_run,
                            std::ostream & out);

/** --copy-database: all of the catalog `from`, a file of SQLite's or postgresql://…, into the empty one of `config`.
 * `out` gets the rows of each table. @return the exit status @throws Error, and nothing is copied then */
[[nodiscard]] int copy_database(const GatewayConfig & config, const std::string & from, std::ostream & out);

} // namespace shifter::service
