#include "base/error.hpp"
#include "pull_site.hpp"
#include "support/waiting.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::pull;
using namespace shifter::pull::testing;
using shifter::testing::soon;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

Json fault(Json parts) { return {{"faults", {std::move(parts)}}}; }

} // namespace

TEST_CASE("R8, H7-7: who waits for a pull that fails is told why, and the next try is made at once") {
    PullSite site;
    // With 0 a READY image is pulled again at each request, and a failure is told all the same.
    site.settings.pull_policy.update_timeout = GENERATE(300s, 0s);
    site.start_registry();
    site.start_queue();
    CHECK_THAT(site.failure("1"), Contains("does not have it (404); is the name right?"));
    const ImageId id = site.push("1");
    CHECK(soon([&] {
        const auto end = site.pull("1");
        return std::holds_alternative<catalog::Image>(end) && std::get<catalog::Image>(end).id == id;
    }));
}

TEST_CASE(
    "R3, I26: a layer with another content is refused, nothing is left, and a repeat succeeds when the fault is gone") {
    PullSite site;
    const ImageId id = site.push("1");
    const std::string kind = GENERATE("corrupt", "short", "long", "status");
    Json broken = {{"match", "/blobs/"}, {"skip", 1}, {"times", 6}, {"do", kind}, {"bytes", 700}, {"status", 500}};
    site.start_registry(fault(broken));
    site.start_queue();
    const std::string sentence = site.failure("1");
    INFO(kind << ": " << sentence);
    CHECK_FALSE(sentence.empty());
    CHECK(sentence.find('\n') == std::string::npos);
    CHECK(site.published().empty());
    CHECK_FALSE(site.catalog->find(site.image_key("1")));
    CHECK(soon([&] { return std::holds_alternative<catalog::Image>(site.pull("1")); }));
    CHECK(site.catalog->find(site.image_key("1"))->id == id);
    CHECK(site.published().size() == 2);
}

TEST_CASE("R2: a stop in the middle ends within two seconds, leaves nothing, and the next start carries on") {
    PullSite site;
    const ImageId id = site.push("1");
    const std::string where = GENERATE("/blobs/", "/manifests/");
    const int enough = where == "/blobs/" ? 2 : 1; // the configuration is a blob, too
    site.start_registry(
        fault({{"match", where}, {"skip", enough - 1}, {"times", 1}, {"do", "stall"}, {"bytes", 10}, {"seconds", 20}}));
    site.start_queue();
    (void)site.ask("1");
    REQUIRE(soon([&] { return site.count_asked(where) >= static_cast<std::size_t>(enough); }));
    const auto began = std::chrono::steady_clock::now();
    site.stop_queue();
    CHECK(std::chrono::steady_clock::now() - began < 2s);
    CHECK(site.published().empty());
    const auto queue = site.catalog->queue("alpha");
    REQUIRE(queue.size() == 1);
    CHECK(queue[0].state == catalog::State::pending);
    site.start_queue();
    CHECK(site.pulled("1").id == id);
}

TEST_CASE("I36: a private pull whose login went with the old process says what to do") {
    PullSite site;
    (void)site.push("1");
    site.start_registry(
        {{"auth", {{"kind", "bearer"}, {"user", "ann"}, {"password", "secret"}}},
         {"faults", {{{"match", "/manifests/"}, {"times", 1}, {"do", "stall"}, {"bytes", 10}, {"seconds", 20}}}}});
    site.start_queue();
    (void)site.ask("1", 1001, "ann:secret");
    REQUIRE(soon([&] { return site.count_asked("/manifests/") >= 1; }));
    site.stop_queue();
    site.start_queue();
    REQUIRE(soon([&] { return site.catalog->queue("alpha").empty(); }));
    CHECK(site.catalog->find_pull(site.image_key("1"))->message ==
          "the service was restarted while this pull waited, and it keeps logins in memory only; pull again");
    CHECK(soon([&] { return std::holds_alternative<catalog::Image>(site.pull("1", 1001, "ann:secret")); }));
}

TEST_CASE("R6: a registry that does not answer keeps pulls from others waiting for nothing") {
    PullSite dead;
    for (int i = 0; i < 9; ++i) (void)dead.push(std::to_string(i));
    dead.start_registry(fault({{"match", "/manifests/"}, {"do", "stall"}, {"bytes", 0}, {"seconds", 20}}));
    PullSite site;
    const ImageId id = site.push("1");
    site.start_registry();
    site.settings.registries.allowed.push_back(dead.tag("1").substr(0, dead.tag("1").find('/')));
    site.settings.registries.insecure.push_back(site.settings.registries.allowed.back());
    site.start_queue();
    for (int i = 0; i < 9; ++i) (void)site.ask(dead.tag(std::to_string(i)));
    REQUIRE(soon([&] { return dead.count_asked("/manifests/") >= 4; }));
    CHECK(site.pulled("1").id == id);
}

TEST_CASE("an image for another machine is refused by the name of both") {
    PullSite site;
    (void)site.push("1", {{{{"a", "b"}}}, {}, "s390x"});
    site.start_registry();
    site.start_queue();
    CHECK_THAT(site.failure("1"), Contains("linux/s390x") && Contains(Platform::of_this_machine().to_string()));
}

TEST_CASE("an image whose variables cannot be written down fails before a layer is downloaded") {
    PullSite site;
    (void)site.push("1", {{{{"a", "b"}}}, {"NOVALUE"}});
    site.start_registry();
    site.start_queue();
    CHECK(site.failure("1") == "cannot publish the image: its variable \"NOVALUE\" has no value");
    CHECK(site.count_asked("/blobs/") == 1);
}

TEST_CASE("R3: storage that is gone is named in the failure") {
    PullSite site;
    (void)site.push("1");
    site.start_registry();
    site.start_queue();
    std::filesystem::remove(site.storage());
    CHECK_THAT(site.failure("1"), StartsWith("cannot open the image directory"));
    std::filesystem::create_directory(site.storage());
    CHECK(soon([&] { return std::holds_alternative<catalog::Image>(site.pull("1")); }));
}
