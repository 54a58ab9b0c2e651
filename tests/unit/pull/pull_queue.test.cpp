#include "base/error.hpp"
#include "base/io.hpp"
#include "pull_site.hpp"
#include "site/image_record.hpp"
#include "support/collected_log.hpp"
#include "support/waiting.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

using namespace shifter;
using namespace shifter::pull;
using namespace shifter::pull::testing;
using shifter::testing::CollectedLog;
using shifter::testing::soon;
using namespace std::chrono_literals;
using catalog::State;
using Catch::Matchers::Contains;

namespace {

const std::string login = "ann:secret";
const Json with_login = {{"auth", {{"kind", "bearer"}, {"user", "ann"}, {"password", "secret"}}}};

std::string text_of(const std::string & path) {
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    return io::read_all(fd.get(), 1U << 20U, path);
}

mode_t mode_of(const std::string & path) {
    struct stat facts {};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777U;
}

} // namespace

TEST_CASE("a pull ends with a whole image, its record, and a row that says where it came from") {
    PullSite site;
    const ImageId id = site.push("1");
    site.start_registry();
    site.start_queue();
    const auto first = site.ask("1");
    CHECK(first.is_new);
    CHECK(std::get<catalog::Pull>(first.what).state == State::init);
    const catalog::Image image = site.pulled("1");
    CHECK(image.id == id);
    CHECK(image.tags == std::vector<std::string>{site.tag("1")});
    CHECK(image.reference == site.tag("1"));
    CHECK(image.manifest_digest == "sha256:" + id.to_string());
    CHECK(image.platform == Platform::of_this_machine().to_string());
    CHECK(image.layers.size() == 2);
    CHECK(image.config.env == std::vector<std::string>{"A=1"});
    CHECK(image.config.cmd == std::vector<std::string>{"sh"});
    CHECK_FALSE(image.is_private);
    CHECK(image.puller == 1001);
    CHECK(image.expiration > image.last_pull + 89 * 24h); // H7-21

    CHECK(site.published() == std::vector<std::string>{id.to_string() + ".meta", id.to_string() + ".squashfs"});
    const std::string squashfs = text_of(site.storage() + "/" + id.to_string() + ".squashfs");
    CHECK(squashfs.substr(0, 4) == "hsqs");
    CHECK(squashfs.size() == image.size_bytes);
    const auto record = parse_image_record(text_of(site.storage() + "/" + id.to_string() + ".meta"));
    REQUIRE(record);
    CHECK(record->env == image.config.env);
    CHECK(record->acl.is_public());
    CHECK(record->platform == image.platform);
    CHECK(site.catalog->find_pull(site.image_key("1"))->state == State::ready);
    CHECK(site.catalog->find_pull(site.image_key("1"))->progress.layers.size() == 2);
}

TEST_CASE("R6: two hundred who ask at once, with logins and without, cause one download") {
    PullSite site;
    (void)site.push("1");
    site.start_registry();
    site.start_queue();
    {
        std::vector<std::jthread> people;
        for (unsigned thread = 0; thread < 8; ++thread) {
            people.emplace_back([&site, thread] {
                for (unsigned i = 0; i < 25; ++i) (void)site.ask("1", 1000 + thread * 25 + i, i % 2 == 0 ? login : "");
            });
        }
    }
    (void)site.pulled("1", 1199);
    CHECK(site.count_asked("/manifests/") == 1);
    CHECK(site.count_asked("/blobs/") == 3); // the configuration and two layers
}

TEST_CASE("R6: one content under two tags is downloaded once, whether at the same time or later") {
    PullSite site;
    const ImageId id = site.push("1");
    CHECK(site.push("same") == id);
    CHECK(site.push("later") == id);
    site.start_registry({{"faults", {{{"match", "/blobs/"}, {"do", "slow"}, {"bytes", 4000}, {"seconds", 0.05}}}}});
    site.start_queue();
    (void)site.ask("1");
    (void)site.ask("same");
    CHECK(site.pulled("1").id == id);
    CHECK(site.pulled("same").id == id);
    CHECK(site.pulled("later", 1002).tags.size() == 3);
    CHECK(site.count_asked("/blobs/") == 3 + 2); // each pull reads the small configuration
}

TEST_CASE("I31, I33, I34: a private image is for those who have shown that they may read it") {
    PullSite site;
    const ImageId id = site.push("1");
    site.start_registry(with_login);
    site.start_queue();

    const catalog::Image image = site.pulled("1", 1001, login);
    CHECK(image.is_private);
    CHECK(image.acl() == Acl{{1001}, {}});
    CHECK(mode_of(site.storage() + "/" + id.to_string() + ".squashfs") == 0600);
    CHECK(mode_of(site.storage() + "/" + id.to_string() + ".meta") == 0600);
    const std::size_t blobs = site.count_asked("/blobs/");

    CHECK(site.failure("1", 1002).find("secret") == std::string::npos);
    CHECK_FALSE(site.failure("1", 1002).empty());
    CHECK_FALSE(site.failure("1", 1003, "ann:wrong").empty());
    CHECK_FALSE(site.catalog->find_readable(site.image_key("1"), {1002, 100, {}}));

    const catalog::Image shared = site.pulled("1", 1004, login, {{1005}, {}});
    CHECK(shared.acl() == Acl{{1001, 1004, 1005}, {}});
    CHECK(parse_image_record(text_of(site.storage() + "/" + id.to_string() + ".meta"))->acl == shared.acl());
    CHECK(site.count_asked("/blobs/") == blobs + 1); // the configuration again; no layer
    CHECK(site.pulled("1", 1005).id == id);          // let in by 1004, without a login
}

TEST_CASE("I31: those who waited for a pull that turns out private are served by their own access") {
    PullSite site;
    (void)site.push("1");
    site.start_registry(with_login);
    site.start_queue();
    (void)site.ask("1", 1001, login);
    for (uid_t uid = 1002; uid < 1010; ++uid) (void)site.ask("1", uid, login);
    for (uid_t uid = 1001; uid < 1010; ++uid) CHECK(site.pulled("1", uid, login).may_read({uid, 100, {}}));
    CHECK_FALSE(site.failure("1", 1011).empty());
    CHECK(site.catalog->find(site.image_key("1"))->acl().users.size() == 9);
}

TEST_CASE("readers that are named for a public image have no effect, and the pull says so (contract 7.6)") {
    PullSite site;
    (void)site.push("1");
    site.start_registry();
    site.start_queue();
    CHECK_FALSE(site.pulled("1", 1001, "", {{1002}, {}}).is_private);
    CHECK(site.catalog->find_pull(site.image_key("1"))->message ==
          "The image is public at its registry: the readers that were named have no effect");
}

TEST_CASE("DISABLE_ACL_METADATA leaves the list out of the record, and the file closed") {
    PullSite site;
    const ImageId id = site.push("1");
    site.start_registry(with_login);
    site.settings.suppress_acl_in_meta = true;
    site.start_queue();
    CHECK(site.pulled("1", 1001, login).is_private);
    CHECK(parse_image_record(text_of(site.storage() + "/" + id.to_string() + ".meta"))->acl.is_public());
    CHECK(mode_of(site.storage() + "/" + id.to_string() + ".squashfs") == 0600);
}

TEST_CASE("I29: a registry that the site does not allow is refused before anything is queued") {
    PullSite site;
    site.start_registry();
    site.start_queue();
    CHECK_THROWS_WITH(site.ask("localhost:1/org/app:1"),
                      Catch::Matchers::Contains("this site does not allow the registry \"localhost:1\""));
    CHECK(site.catalog->queue("alpha").empty());
}

TEST_CASE("what an image cannot keep is counted in its row and told in the log, and what made its layers is kept") {
    PullSite site;
    ImageParts parts;
    parts.mode = 06755;
    parts.made_by = {"COPY os-release", "RUN make"};
    (void)site.push("1", parts);
    site.start_registry();
    site.start_queue();
    const CollectedLog log;
    const catalog::Image image = site.pulled("1");
    REQUIRE(image.dropped);
    CHECK(*image.dropped == catalog::Dropped{.devices = 0, .setid_bits = 2, .xattrs = 0});
    REQUIRE(image.layers.size() == 2);
    CHECK(image.layers[1].created_by == "RUN make");
    CHECK(soon([&] { return log.text().find("event=published") != std::string::npos; }));
    CHECK_THAT(log.text(), Contains("dropped=\"2 set-id bits of its layers were left out\""));
    CHECK(site.catalog->find_pull(site.image_key("1"))->message == "2 set-id bits of its layers were left out");
}

TEST_CASE("R16: a pull of up to SmallPullBytes does not wait for a larger one, any other waits for a worker") {
    const auto push_all = [](PullSite & site) {
        (void)site.push("large", {{{{"noise", std::string(100'000, 'l')}}}});
        (void)site.push("smaller", {{{{"noise", ""}}}});
        return site.push("small", {{{{"noise", std::string(3000, 's')}}}});
    };
    PullSite measured;
    (void)push_all(measured);
    measured.start_registry();
    measured.start_queue();
    const auto bytes_of = [&](const char * tag) { return measured.pulled(tag).layers.at(0).size_bytes; };
    const std::uint64_t small_bytes = bytes_of("small");
    REQUIRE(bytes_of("smaller") < small_bytes);

    const std::uint64_t below = GENERATE(0U, 1U);
    PullSite site;
    const ImageId small = push_all(site);
    // The first blob is the configuration of the large one, the second its layer.
    site.start_registry(
        {{"faults",
          {{{"match", "/blobs/"}, {"skip", 1}, {"times", 1}, {"do", "stall"}, {"bytes", 10}, {"seconds", 20}}}}});
    site.settings.worker_threads = 1;
    site.settings.small_pull_bytes = small_bytes - below;
    site.start_queue();
    (void)site.ask("large");
    REQUIRE(soon([&] { return site.count_asked("/blobs/") >= 2; }));
    if (below == 0) {
        CHECK(site.pulled("small").id == small);
        CHECK_FALSE(site.catalog->find(site.image_key("large")));
    } else {
        (void)site.ask("small");
        const auto has_come_to = [&](const std::string & message) {
            return site.catalog->find_pull(site.image_key("small"))->message == message;
        };
        REQUIRE(soon([&] { return has_come_to("Waiting for a worker"); }));
        // Its worker takes the next in the line that it may: who takes this one would have taken it first.
        (void)site.pulled("smaller");
        CHECK(has_come_to("Waiting for a worker"));
    }
}
