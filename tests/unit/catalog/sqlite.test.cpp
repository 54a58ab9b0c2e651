#include "catalog/sqlite.hpp"
#include "base/error.hpp"

#include "samples.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <sys/stat.h>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;
using Catch::Matchers::Contains;

namespace {
const PullPolicy policy;

void change(const std::string & path, const char * sql) {
    sqlite_database(path)->connect(sql::Database::Use::writing)->execute(sql);
}
} // namespace

TEST_CASE("I33: the catalog's files are for the service alone") {
    const Folder folder;
    const auto catalog = open_sqlite_catalog(folder / "catalog");
    (void)catalog->enqueue(request_by(1001), policy, noon);
    for (const char * name : {"catalog", "catalog-wal", "catalog-shm"}) {
        struct stat facts {};
        REQUIRE(::stat((folder / name).c_str(), &facts) == 0);
        CHECK((facts.st_mode & 0777) == 0600);
    }
}

TEST_CASE("R15: a catalog of a newer release is refused in words, and left alone") {
    const Folder folder;
    change(folder / "catalog", "PRAGMA user_version = 99");
    CHECK_THROWS_WITH(open_sqlite_catalog(folder / "catalog"),
                      Contains("was written by a newer release (schema 99, this one knows 4)"));
}

TEST_CASE("R9: a damaged catalog is an error, never an empty list") {
    const Folder folder;
    std::ofstream{folder / "catalog"} << std::string(8192, 'x');
    CHECK_THROWS_WITH(open_sqlite_catalog(folder / "catalog"), Contains("is damaged") || Contains("not a database"));

    {
        const auto catalog = open_sqlite_catalog(folder / "other");
        (void)catalog->enqueue(request_by(1001), policy, noon);
        finish_next(*catalog, image('a', true, {{1001, {}}}), noon);
    }
    change(folder / "other", "UPDATE grants SET readers = '{}'");
    const auto catalog = open_sqlite_catalog(folder / "other");
    CHECK_THROWS_WITH(catalog->find(key), Contains("the catalog is damaged: a list of readers cannot be read"));
}

TEST_CASE("R9: a directory that cannot hold the catalog is named") {
    CHECK_THROWS_WITH(open_sqlite_catalog("/nonexistent/catalog"),
                      "cannot open the catalog \"/nonexistent/catalog\": No such file or directory");
}
