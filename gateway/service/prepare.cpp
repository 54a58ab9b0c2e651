#include "service/prepare.hpp"

#include "base/error.hpp"
#include "postgres/postgres.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace shifter::service {

namespace {

void check_directory(const std::string & path, const std::string & key) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) throw SysError{errno, "cannot use " + quoted(path) + " (" + key + ")"};
    if (!S_ISDIR(facts.st_mode)) throw Error{"cannot use " + quoted(path) + " (" + key + "): it is not a directory"};
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0)
        throw SysError{errno,
                       "cannot write to " + quoted(path) + " (" + key + ") as uid " + std::to_string(::geteuid())};
}

} // namespace

void prepare_directories(const GatewayConfig & config) {
    const std::string & cache = config.settings.cache_directory;
    if (::mkdir(cache.c_str(), 0700) != 0 && errno != EEXIST)
        throw SysError{errno, "cannot make " + quoted(cache) + " (CacheDirectory)"};
    check_directory(cache, "CacheDirectory");
    for (const auto & [name, system] : config.settings.systems)
        check_directory(system.storage.directory, "imageDir of system " + name);
}

std::vector<catalog::StorageClaim> claim_storage(const GatewayConfig & config) {
    std::vector<catalog::StorageClaim> claims;
    for (const auto & [name, system] : config.settings.systems)
        claims.emplace_back(system.storage,
                            config.settings.shares_catalog ? catalog::Sharing::shared : catalog::Sharing::alone);
    return claims;
}

std::unique_ptr<catalog::Catalog> open_catalog(const GatewayConfig & config) {
    return config.settings.shares_catalog ? postgres::open_catalog(config.database)
                                          : catalog::open_sqlite_catalog(config.database);
}

catalog::Time wall_clock() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

} // namespace shifter::service
