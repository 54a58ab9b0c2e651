// What a lookup and a page read of a catalog: nothing twice while nothing changes, and never a whole table.
#include "catalog/known_images.hpp"
#include "catalog/lookup_notes.hpp"
#include "catalog/sql_catalog.hpp"

#include "recording_database.hpp"
#include "samples.hpp"
#include "support/waiting.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;

namespace {

const PullPolicy policy;

/** A catalog with one image, private to 1001 and 1005, and what it asks its database for. */
struct Site {
    Site() {
        (void)catalog->enqueue(request_by(1001, "x"), policy, noon);
        finish_next(*catalog, image('a', true, {{1001, {{1005}, {}}}}), noon);
        (void)statements.take();
    }
    [[nodiscard]] bool is_read_by(uid_t uid) const { return catalog->find_readable(key, person(uid)) != nullptr; }

    Folder folder;
    Statements statements;
    std::unique_ptr<Catalog> catalog =
        open_catalog(std::make_unique<RecordingDatabase>(folder / "catalog", statements));
};

} // namespace

TEST_CASE("an image that was just looked up is not read again while nothing has changed") {
    Site site;
    CHECK(site.is_read_by(1001));
    CHECK(site.statements.take().size() == 1);
    CHECK(site.is_read_by(1001));
    CHECK(site.is_read_by(1005));
    CHECK_FALSE(site.is_read_by(1002)); // I33: what is known is asked for each caller anew
    CHECK(site.statements.take().empty());
    CHECK(site.catalog->find_readable("alpha", id_of('a'), person(1001)));
    CHECK(site.statements.take().size() == 1);
    CHECK_FALSE(site.catalog->find_readable("alpha", id_of('a'), person(1002)));
    CHECK(site.statements.take().empty());
}

TEST_CASE("R9, I33: whatever changes an image, by this gateway or by another process, the very next lookup knows it") {
    Site site;
    REQUIRE(site.is_read_by(1005));
    REQUIRE_FALSE(site.is_read_by(1002));
    const auto other = GENERATE(true, false) ? open_sqlite_catalog(site.folder / "catalog") : nullptr;
    Catalog & changing = other ? *other : *site.catalog;

    changing.set_grant("alpha", id_of('a'), {1001, {{1002}, {}}}, noon);
    CHECK(site.is_read_by(1002));
    CHECK_FALSE(site.is_read_by(1005));

    changing.touch("alpha", id_of('a'), noon + std::chrono::hours{48});
    CHECK(site.catalog->find_readable(key, person(1001))->expiration == noon + std::chrono::hours{48});

    CHECK(changing.remove_tag(key));
    CHECK_FALSE(site.is_read_by(1001));
    CHECK(site.catalog->find_readable("alpha", id_of('a'), person(1001))->tags.empty());
    CHECK(changing.retire("alpha", id_of('a'), std::nullopt, noon));
    CHECK_FALSE(site.catalog->find_readable("alpha", id_of('a'), person(1001)));

    const ImageKey again{"alpha", ImageType::docker, "org/app:2"};
    CHECK_FALSE(site.catalog->find_readable(again, person(1002)));
    CHECK(changing.adopt(image('b'), again, noon)); // what is absent is not remembered as absent
    CHECK(site.catalog->find_readable(again, person(1002)));
}

TEST_CASE("what was read before a change is not remembered after it") {
    KnownImages known;
    const auto old = std::make_shared<const Image>(image('a'));
    CHECK_FALSE(known.find(5, key));
    CHECK_FALSE(known.find(6, key)); // somebody else has seen the change meanwhile
    known.remember(5, key, old);
    CHECK_FALSE(known.find(6, key));
    known.remember(6, key, old);
    CHECK(known.find(6, key) == old);
    CHECK_FALSE(known.find(7, key));
    CHECK_FALSE(known.find(6, key));
}

TEST_CASE("R16: so many images are remembered, of so many bytes, and no more") {
    KnownImages known;
    const auto shared = std::make_shared<const Image>(image('a'));
    const auto numbered = [](std::size_t number) {
        return ImageKey{"alpha", ImageType::docker, "org/app:" + std::to_string(number)};
    };
    (void)known.find(1, key);
    for (std::size_t i = 0; i < KnownImages::most_images; ++i) known.remember(1, numbered(i), shared);
    CHECK(known.find(1, numbered(0)));
    CHECK(known.find(1, numbered(KnownImages::most_images - 1)));
    known.remember(1, numbered(KnownImages::most_images), shared);
    CHECK_FALSE(known.find(1, numbered(0)));
    CHECK(known.find(1, numbered(KnownImages::most_images)));

    auto [bytes, is_kept] = GENERATE(table<std::size_t, bool>({{60U << 10U, true}, {64U << 10U, false}}));
    Image large = image('b');
    large.config.labels = {{"text", std::string(bytes, 'x')}};
    known.remember(1, key, std::make_shared<const Image>(large));
    CHECK((known.find(1, key) != nullptr) == is_kept);
}

TEST_CASE("a lookup and a page find their rows by an index, whatever the size of the catalog, and sort nothing") {
    Site site;
    const Identity caller = person(1001);
    (void)site.catalog->find_readable(key, caller);
    (void)site.catalog->find_readable("alpha", id_of('a'), caller);
    (void)site.catalog->readable_of_index("alpha", "sha256:" + std::string(64, '1'), caller);
    site.catalog->for_each_image_after("alpha", "", caller, 100, [](const Image &) { return true; });
    site.catalog->touch("alpha", id_of('a'), noon + std::chrono::hours{48});
    const auto statements = site.statements.take();
    REQUIRE(statements.size() == 6);
    for (const std::string & statement : statements) {
        const auto connection = sqlite_database(site.folder / "catalog")->connect(sql::Database::Use::reading);
        const std::string question = "EXPLAIN QUERY PLAN " + statement;
        sql::Statement plan{*connection, question.c_str()};
        unsigned steps = 0;
        while (plan.step()) {
            (void)plan.integer(), (void)plan.integer(), (void)plan.integer();
            const std::string step = plan.text();
            INFO(statement << "\n" << step);
            CHECK(step.find("SCAN") == std::string::npos);
            CHECK(step.find("TEMP B-TREE") == std::string::npos);
            ++steps;
        }
        CHECK(steps > 0);
    }
}

TEST_CASE(
    "a page is read with one question, of as many rows as it has, and each further question is for twice as many") {
    Site site;
    for (const char digit : {'b', 'c', 'd', 'e'})
        REQUIRE(site.catalog->adopt(image(digit), {"alpha", ImageType::docker, std::string("org/") + digit}, noon));
    (void)site.statements.take();
    auto [expected, questions] = GENERATE(table<std::size_t, std::size_t>({{3, 1}, {2, 2}, {1, 2}, {0, 2}}));
    unsigned seen = 0;
    site.catalog->for_each_image_after("alpha", "", person(1001), expected, [&](const Image &) { return ++seen < 3; });
    CHECK(seen == 3);
    CHECK(site.statements.take().size() == questions);
}

TEST_CASE("notes of lookups are written together, and are there for who asks for them") {
    std::vector<std::size_t> written;
    std::mutex mutex;
    const auto count = [&] {
        const std::lock_guard lock{mutex};
        return written.size();
    };
    const auto write = [&](std::span<const MetricsRow> lookups) {
        const std::lock_guard lock{mutex};
        written.push_back(lookups.size());
    };
    const MetricsRow lookup{"ann", 1001, "alpha", ImageType::docker, "a:1", "8d1f", noon};
    {
        LookupNotes notes{write, std::chrono::hours{1}};
        for (int i = 0; i < 100; ++i) notes.add(lookup);
        notes.flush();
        CHECK(written == std::vector<std::size_t>{100});
        notes.flush();
        CHECK(count() == 1);
        notes.add(lookup);
    }
    CHECK(written == std::vector<std::size_t>{100, 1}); // its end writes what is left
    LookupNotes soon{write, std::chrono::milliseconds{1}};
    soon.add(lookup);
    CHECK(testing::soon([&] { return count() == 3; }));
}

TEST_CASE("R9, R16: notes that cannot be written wait for a better moment, the latest ten thousand of them") {
    bool is_away = true;
    std::vector<std::string> written;
    const auto write = [&](std::span<const MetricsRow> lookups) {
        if (is_away) throw Unavailable{"the catalog is away"};
        for (const MetricsRow & each : lookups) written.push_back(each.tag);
    };
    const auto [count, oldest] = GENERATE(table<std::size_t, std::string>(
        {{LookupNotes::most_waiting, "0"},
         {LookupNotes::most_waiting + 1, std::to_string(LookupNotes::most_waiting / 2)}}));
    LookupNotes notes{write, std::chrono::hours{1}};
    for (std::size_t i = 0; i < count; ++i)
        notes.add({"ann", 1001, "alpha", ImageType::docker, std::to_string(i), "8d1f", noon});
    CHECK_THROWS_AS(notes.flush(), Unavailable);
    is_away = false;
    notes.flush();
    REQUIRE_FALSE(written.empty());
    CHECK(written.front() == oldest);
    CHECK(written.back() == std::to_string(count - 1));
}
