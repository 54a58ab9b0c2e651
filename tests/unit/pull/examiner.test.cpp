#include "pull/examiner.hpp"

#include "pull/unpacked_tree.hpp"
#include "pull_site.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>

using namespace shifter;
using namespace shifter::pull;
using namespace shifter::pull::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

/** A site with the program `text` as its examiner. */
struct ExaminedSite : PullSite {
    explicit ExaminedSite(const std::string & text) {
        const std::string path = std::filesystem::path{storage()}.parent_path() / "examiner";
        std::ofstream{path} << "#!/bin/sh\n" << text;
        REQUIRE(::chmod(path.c_str(), 0755) == 0);
        settings.examiner = path;
        settings.squashfs_reader = SQUASHFS_READER;
    }
    [[nodiscard]] unsigned leftovers() const {
        unsigned count = 0;
        for (const auto & entry : std::filesystem::directory_iterator{settings.cache_directory})
            if (entry.path().filename().string().rfind("examine.", 0) == 0) ++count;
        return count;
    }
};

std::string verdict(const catalog::Image & image) {
    for (const auto & [name, text] : image.config.labels)
        if (name == examiner_label) return text;
    return "none";
}

} // namespace

TEST_CASE("an examiner sees the tree, read-only, with what it is, and its last line stays with the image") {
    ExaminedSite site{R"sh(cd "$1" || exit 1
test "$(cat etc/os-release)" = NAME=test || exit 2
test "$(stat -c %a etc)" = 555 || exit 3
test "$SHIFTER_SYSTEM $SHIFTER_DIGEST" = "alpha sha256:$2" || exit 4
test "${HOME-none}" = none || exit 5
echo "to stderr" >&2
echo "fine: $SHIFTER_UID"
echo
)sh"};
    const ImageId id = site.push("1");
    site.start_registry();
    site.start_queue();
    const catalog::Image image = site.pulled("1");
    CHECK(image.id == id);
    CHECK(verdict(image) == "fine: 1001");
    CHECK(site.leftovers() == 0);
}

TEST_CASE("what an examiner refuses is not published, and its last line is the reason") {
    const auto [program, words] = GENERATE(table<std::string, std::string>({
        {"echo first\necho 'holds a miner of coins'\nexit 3\n",
         "the site's examiner refuses the image: holds a miner of coins"},
        {"exit 3\n", "the site's examiner refuses the image: it ended with status 3"},
        {"kill -9 $$\n", "the site's examiner has not come to a verdict: it was ended by signal 9"},
        {"printf 'caf\\303\\251 \\377'\nexit 1\n", "refuses the image: caf?? ?"},
    }));
    ExaminedSite site{program};
    (void)site.push("1");
    site.start_registry();
    site.start_queue();
    CHECK_THAT(site.failure("1"), Contains(words));
    CHECK(site.published().empty());
    CHECK(site.leftovers() == 0);
}

TEST_CASE("R16: an examiner has its time, and what it left behind ends with it") {
    const auto [seconds, is_enough] = GENERATE(table<int, bool>({{1, false}, {20, true}}));
    ExaminedSite site{"sleep 300 &\nsleep 2\n"};
    site.settings.examiner_timeout = std::chrono::seconds{seconds};
    (void)site.push("1");
    site.start_registry();
    site.start_queue();
    if (is_enough) {
        CHECK(verdict(site.pulled("1")) == "passed");
    } else {
        CHECK_THAT(site.failure("1"), Contains("within 1 seconds (ExaminerTimeout"));
        CHECK(site.published().empty());
    }
    CHECK(site.leftovers() == 0);
}

TEST_CASE("what was published before there was an examiner is looked at when it is pulled again, and once") {
    PullSite site;
    for (const char * const tag : {"1", "2", "3"}) (void)site.push(tag); // one content
    site.start_registry();
    site.start_queue();
    CHECK(verdict(site.pulled("1")) == "none");
    site.stop_queue();
    const std::string path = std::filesystem::path{site.storage()}.parent_path() / "examiner";
    std::ofstream{path} << "#!/bin/sh\necho seen >> \"$0.seen\"\necho late\n";
    REQUIRE(::chmod(path.c_str(), 0755) == 0);
    site.settings.examiner = path;
    site.settings.squashfs_reader = SQUASHFS_READER;
    site.start_queue();
    CHECK(verdict(site.pulled("2")) == "late");
    CHECK(verdict(site.pulled("3")) == "late");
    std::ifstream seen{path + ".seen"};
    CHECK(std::string{std::istreambuf_iterator<char>{seen}, {}} == "seen\n");
}

TEST_CASE("R16: the files of an image that is examined have their space, and zeros take none") {
    const std::string content = std::string(8192, 'x') + std::string(1U << 20U, '\0') + "y" + std::string(5000, '\0');
    const auto [space, is_enough] = GENERATE(table<std::uint64_t, bool>({{8192 + 4096, true}, {8192, false}}));
    ExaminedSite site{R"sh(test "$(stat -c %s "$1/zeros")" = 1061769 || exit 1
test "$(tr -d '\0' < "$1/zeros" | wc -c)" = 8193 || exit 2
test "$(stat -c %b "$1/zeros")" -lt 100 || exit 3
)sh"};
    site.settings.examiner_space_bytes = space;
    (void)site.push("1", {.layers = {{{"zeros", content}}}});
    site.start_registry();
    site.start_queue();
    if (is_enough) {
        CHECK(verdict(site.pulled("1")) == "passed");
    } else {
        CHECK_THAT(site.failure("1"), Contains("ExaminerSpace"));
    }
    CHECK(site.leftovers() == 0);
}

TEST_CASE("a tree that a process has left is removed at the next start, and one that is in use stays") {
    PullSite site;
    const std::filesystem::path cache = site.settings.cache_directory;
    for (const char * name : {"examine.old", "examine.used"}) {
        std::filesystem::create_directories(cache / name / "rootfs" / "sub");
        std::ofstream{cache / name / "rootfs" / "sub" / "file"} << "x";
        std::ofstream{cache / name / "lock"} << "";
        REQUIRE(::chmod((cache / name / "rootfs" / "sub").c_str(), 0555) == 0);
    }
    std::filesystem::create_directory(cache / "examine.begun");
    {
        const UniqueFd lock{::open((cache / "examine.used" / "lock").c_str(), O_RDWR | O_CLOEXEC)};
        REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
        UnpackedTree::remove_leftovers(cache);
        CHECK(std::filesystem::exists(cache / "examine.used" / "rootfs" / "sub" / "file"));
        CHECK_FALSE(std::filesystem::exists(cache / "examine.old"));
        CHECK_FALSE(std::filesystem::exists(cache / "examine.begun"));
    }
    UnpackedTree::remove_leftovers(cache);
    CHECK_FALSE(std::filesystem::exists(cache / "examine.used"));
}

TEST_CASE("a label of the image's own is no verdict, wherever it stands") {
    ExaminedSite site{"echo seen >> \"$0.seen\"\necho real\n"};
    for (const char * const tag : {"1", "2"}) (void)site.push(tag, {.labels = {{examiner_label, "forged"}}});
    site.start_registry();
    site.start_queue();
    CHECK(verdict(site.pulled("1")) == "real");
    CHECK(verdict(site.pulled("2")) == "real");
    std::ifstream seen{site.settings.examiner + ".seen"};
    // Twice: what is stored under that name might be from a release that knew no examiner.
    CHECK(std::string{std::istreambuf_iterator<char>{seen}, {}} == "seen\nseen\n");
}
