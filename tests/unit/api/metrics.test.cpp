#include "catalog/counters.hpp"
#include "unit/api/gateway_under_test.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <future>
#include <thread>

using namespace shifter;
using namespace shifter::api;
using namespace shifter::api::testing;

namespace {

bool has_line(const std::string & text, const std::string & line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

} // namespace

TEST_CASE("metrics are families with help and type, and samples whose labels cannot break out") {
    MetricsText text;
    text.family("shifter_things", "gauge", "Things.");
    text.sample({{"name", "a\"b\\c\nd"}, {"other", ""}}, 3);
    text.sample(0.25);
    CHECK(std::move(text).finish() == "# HELP shifter_things Things.\n# TYPE shifter_things gauge\n"
                                      "shifter_things{name=\"a\\\"b\\\\c\\nd\",other=\"\"} 3\n"
                                      "shifter_things 0.25\n");
}

TEST_CASE("requests are counted by route and status, those to no route as well") {
    Gateway gateway;
    (void)gateway.publish(samples::key, 'a');
    (void)gateway.get("/api/lookup/alpha/docker/org/app:1");
    (void)gateway.get("/api/lookup/alpha/docker/org%2Fapp%3A1/");
    (void)gateway.get("/api/lookup/alpha/docker/none:1");
    (void)gateway.get("/api/lookup/alpha/docker/org/app:1", "");
    (void)gateway.get("/nowhere/" + std::string(100, 'x'));
    const Response response = gateway.get("/metrics", "");
    CHECK(response.status == 200);
    CHECK(response.content_type == std::string{"text/plain; version=0.0.4"});
    const std::string lookup = "shifter_requests_total{route=\"/api/lookup/{system}/{type}/{tag...}\",status=";
    CHECK(has_line(response.body, lookup + "\"200\"} 2"));
    CHECK(has_line(response.body, lookup + "\"404\"} 1"));
    CHECK(has_line(response.body, lookup + "\"401\"} 1"));
    CHECK(has_line(response.body, "shifter_requests_total{route=\"none\",status=\"404\"} 1"));
    CHECK(response.body.find("xxx") == std::string::npos);
}

TEST_CASE("I33: metrics count pulls by state, and name none") {
    Gateway gateway;
    (void)gateway.post("/api/pull/alpha/docker/org/secret:1");
    (void)gateway.post("/api/pull/alpha/docker/org/other:1");
    const auto pull = gateway.catalog->claim("here", gateway.now);
    gateway.catalog->advance(pull->hold(), catalog::State::pulling, "", {}, gateway.now);
    const std::string body = gateway.get("/metrics", "").body;
    CHECK(has_line(body, "shifter_pulls{system=\"alpha\",state=\"PULLING\"} 1"));
    CHECK(has_line(body, "shifter_pulls{system=\"alpha\",state=\"PENDING\"} 1"));
    CHECK(has_line(body, "shifter_pulls{system=\"beta\",state=\"PENDING\"} 0"));
    CHECK(has_line(body, "shifter_queue_length{system=\"alpha\"} 1"));
    CHECK(body.find("secret") == std::string::npos);
}

TEST_CASE("what pulls and the catalog count is there, and the storage") {
    Gateway gateway;
    gateway.storage["alpha"] = {.images = 3, .image_bytes = 4096, .free_bytes = 1'000'000'000'000, .size_bytes = 2};
    const std::uint64_t before = catalog::counters().bytes_pulled;
    catalog::counters().bytes_pulled += 5;
    catalog::counters().conversion_milliseconds += 1500;
    const std::string body = gateway.get("/metrics", "").body;
    CHECK(has_line(body, "shifter_pulled_bytes_total " + std::to_string(before + 5)));
    CHECK(body.find("\nshifter_conversion_seconds_total ") != std::string::npos);
    CHECK(body.find("\nshifter_catalog_errors_total ") != std::string::npos);
    CHECK(has_line(body, "shifter_storage_bytes{system=\"alpha\"} 4096"));
    CHECK(has_line(body, "shifter_storage_free_bytes{system=\"alpha\"} 1000000000000"));
}

TEST_CASE("a catalog that fails is counted") {
    const samples::Folder folder;
    std::ofstream{folder / "broken.sqlite"} << std::string(8192, 'x');
    const std::uint64_t before = catalog::counters().catalog_errors;
    CHECK_THROWS(catalog::open_sqlite_catalog(folder / "broken.sqlite"));
    CHECK(catalog::counters().catalog_errors > before);
}

TEST_CASE("an answer for everybody is made once in its time, however many ask") {
    CachedText text;
    int made = 0;
    const auto make = [&] { return std::to_string(++made); };
    CHECK(text.get(std::chrono::hours{1}, make) == "1");
    CHECK(text.get(std::chrono::hours{1}, make) == "1");
    CHECK_THROWS(CachedText{}.get(std::chrono::hours{1}, []() -> std::string { throw Error{"no"}; }));
    CachedText fresh;
    made = 0;
    CHECK(fresh.get(std::chrono::milliseconds{0}, make) == "1");
    CHECK(fresh.get(std::chrono::milliseconds{0}, make) == "2");
}

TEST_CASE("who asks while an answer is made anew gets the old one, and waits for nobody") {
    CachedText text;
    const auto age = std::chrono::milliseconds{0};
    REQUIRE(text.get(age, [] { return std::string{"old"}; }) == "old");
    std::promise<void> begun;
    std::promise<void> may_end;
    std::string made;
    std::jthread maker{[&] {
        made = text.get(age, [&] {
            begun.set_value();
            may_end.get_future().wait();
            return std::string{"new"};
        });
    }};
    begun.get_future().wait();
    CHECK(text.get(age, []() -> std::string { throw Error{"not asked"}; }) == "old");
    may_end.set_value();
    maker.join();
    CHECK(made == "new");
}

TEST_CASE("the storage is what image files occupy, and nothing else in the directory") {
    const samples::Folder folder;
    std::ofstream{folder / "a.squashfs"} << std::string(10'000, 'x');
    std::ofstream{folder / "a.meta"} << std::string(10'000, 'x');
    std::ofstream{folder / ".squashfs"} << "x";
    std::filesystem::create_directory(folder / "b.squashfs");
    std::filesystem::create_symlink("/etc/passwd", folder / "c.squashfs");
    const StorageUse use = measure_storage(folder.path());
    CHECK(use.images == 1);
    CHECK(use.image_bytes >= 8'192);
    CHECK(use.image_bytes <= 65'536);
    CHECK(use.size_bytes >= use.free_bytes);
    CHECK_THROWS(measure_storage(folder / "gone"));
}
