#include "service/transfer.hpp"

#include "base/error.hpp"
#include "catalog/copy.hpp"
#include "catalog/sqlite.hpp"
#include "postgres/postgres.hpp"
#include "pull/mongo_import.hpp"
#include "service/prepare.hpp"

#include <fstream>
#include <ostream>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::service {

namespace {

std::unique_ptr<catalog::sql::Database> database_named(const std::string & name) {
    return postgres::is_address(name) ? postgres::database(name) : catalog::sqlite_database(name);
}

} // namespace

int take_over(const GatewayConfig & config, const std::string & mongo_export, bool dry_run, std::ostream & out) {
    std::ifstream lines{mongo_export};
    if (!lines) throw SysError{errno, "cannot read " + quoted(mongo_export)};
    (void)::umask(077);
    prepare_directories(config);
    const auto catalog = open_catalog(config);
    const auto report = pull::import_mongo(lines, config.settings, *catalog, dry_run, wall_clock());
    for (const std::string & each : report.skipped) out << "skipped " << each << '\n';
    out << report.adopted << (dry_run ? " tags would be taken over, " : " tags taken over, ") << report.known
        << " were there before, " << report.skipped.size() << " documents skipped\n";
    return static_cast<int>(ExitStatus::success);
}

int copy_database(const GatewayConfig & config, const std::string & from, std::ostream & out) {
    (void)::umask(077);
    prepare_directories(config);
    // A gateway that runs, with either of the two, would go on with what is no longer the catalog.
    const auto claims = with_context("cannot copy the catalog while a gateway runs", [&] {
        std::vector<catalog::StorageClaim> made;
        for (const auto & system : config.settings.systems)
            made.emplace_back(system.second.storage, catalog::Sharing::alone);
        return made;
    });
    if (!postgres::is_address(from) && ::access(from.c_str(), R_OK) != 0)
        throw SysError{errno, "cannot copy the catalog " + quoted(from)};
    const auto source = database_named(from);
    const auto to = database_named(config.database);
    for (const auto & [name, rows] : catalog::copy_catalog(*source, *to)) out << name << ": " << rows << '\n';
    return static_cast<int>(ExitStatus::success);
}

} // namespace shifter::service
