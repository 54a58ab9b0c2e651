#include "catalog/copy.hpp"
#include "base/error.hpp"
#include "catalog/sql_catalog.hpp"
#include "catalog/sqlite.hpp"

#include "samples.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

const PullPolicy policy;

/** A private image with a reader, a public one that is pinned, a retired one, a failure, a lookup, a pull on its way.
 */
void fill_catalog(Catalog & catalog) {
    (void)catalog.enqueue(request_by(1001, "login"), policy, noon);
    Image secret = image('a', true, {{1001, {{1002}, {500}}}});
    secret.dropped = Dropped{1, 2, 3};
    (void)finish_next(catalog, secret, noon);
    (void)catalog.enqueue(request_by(1002, "", {"alpha", ImageType::docker, "open:1"}), policy, noon);
    Image open = image('b');
    open.indexes = {{"open:1", "sha256:index"}};
    (void)finish_next(catalog, open, noon);
    catalog.set_pinned("alpha", id_of('b'), true);
    (void)catalog.enqueue(request_by(1003, "", {"alpha", ImageType::docker, "gone:1"}), policy, noon);
    (void)finish_next(catalog, image('c'), noon);
    (void)catalog.remove_tag({"alpha", ImageType::docker, "gone:1"});
    REQUIRE(catalog.retire("alpha", id_of('c'), std::nullopt, noon));
    (void)catalog.enqueue(request_by(1004, "", {"alpha", ImageType::docker, "bad:1"}), policy, noon);
    catalog.fail(catalog.claim("here", noon)->hold(), "a layer is broken", false, noon);
    catalog.record_lookup({"ann", 1001, "alpha", ImageType::docker, key.tag, id_of('a').to_string(), noon});
    (void)catalog.enqueue(request_by(1005, "", {"alpha", ImageType::docker, "waits:1"}), policy, noon);
}

std::uint64_t rows_of(const std::vector<CopiedTable> & copied, const std::string & name) {
    for (const CopiedTable & table : copied) {
        if (table.name == name) return table.rows;
    }
    return UINT64_MAX;
}

} // namespace

TEST_CASE("a copied catalog has the images, readers, claims and ends of the first, and goes on with its numbers") {
    const Folder first;
    const Folder second;
    const auto from = sqlite_database(first / "catalog");
    const auto to = sqlite_database(second / "catalog");
    fill_catalog(*open_catalog(sqlite_database(first / "catalog")));
    const auto copied = copy_catalog(*from, *to);
    auto [name, rows] = GENERATE(table<std::string, std::uint64_t>({{"images", 2},
                                                                    {"tags", 2},
                                                                    {"grants", 1},
                                                                    {"claims", 2},
                                                                    {"retired", 1},
                                                                    {"pulls", 4}, // not the one on its way
                                                                    {"requesters", 4},
                                                                    {"lookups", 1}}));
    INFO(name);
    CHECK(rows_of(copied, name) == rows);

    const auto catalog = open_catalog(sqlite_database(second / "catalog"));
    const auto secret = catalog->find_readable(key, person(1002));
    REQUIRE(secret);
    CHECK(secret->acl() == Acl{{1001, 1002}, {500}});
    CHECK(secret->dropped == Dropped{1, 2, 3});
    CHECK_FALSE(catalog->find_readable(key, person(1009)));
    CHECK(catalog->find({"alpha", ImageType::docker, "open:1"})->is_pinned);
    CHECK(catalog->readable_of_index("alpha", "sha256:index", person(1009)).size() == 1);
    CHECK(catalog->claims(key).at(0).uid == 1001);
    CHECK(catalog->is_retired("alpha", id_of('c')));
    CHECK(catalog->find_pull({"alpha", ImageType::docker, "bad:1"})->message == "a layer is broken");
    CHECK(catalog->queue("alpha").empty());
    CHECK(catalog->metrics("alpha", 9).size() == 1);
    CHECK(pull_in(catalog->enqueue(request_by(1001, "", {"alpha", ImageType::docker, "new:1"}), policy, noon)).number >
          4);
}

TEST_CASE("a copy goes into an empty database alone, from a catalog of this release, or it changes nothing") {
    const Folder folder;
    const auto from = sqlite_database(folder / "from");
    const auto to = sqlite_database(folder / "to");
    fill_catalog(*open_catalog(sqlite_database(folder / "from")));
    const auto sentence = [&](const std::string & source) -> std::string {
        try {
            (void)copy_catalog(*sqlite_database(folder / source), *to);
        } catch (const Error & error) {
            return error.what();
        }
        return "it was copied";
    };
    (void)open_catalog(sqlite_database(folder / "to")); // tables without rows are no reason
    (void)sqlite_database(folder / "nothing")->connect(sql::Database::Use::writing);
    CHECK_THAT(sentence("nothing"), Contains("there is none in it"));
    from->connect(sql::Database::Use::writing)->set_schema_version(99);
    CHECK_THAT(sentence("from"), Contains("its schema is 99"));
    from->connect(sql::Database::Use::writing)->set_schema_version(4);
    // A row that cannot be written ends it in its middle: nothing of what came before stays.
    to->connect(sql::Database::Use::writing)
        ->execute("CREATE TRIGGER refuse BEFORE INSERT ON lookups BEGIN SELECT RAISE(ABORT, 'refused'); END");
    CHECK_THAT(sentence("from"), Contains("refused"));
    CHECK_FALSE(open_catalog(sqlite_database(folder / "to"))->find(key));
    to->connect(sql::Database::Use::writing)->execute("DROP TRIGGER refuse");
    CHECK(sentence("from") == "it was copied");
    CHECK_THAT(sentence("from"), Contains("it is not empty, there are 2 rows in its table images"));
}
