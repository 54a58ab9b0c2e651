#include "pull/squashfs_file.hpp"

#include "base/error.hpp"
#include "oci/sha256.hpp"
#include "pull/quota.hpp"
#include "support/squashfs_writer.hpp"
#include "unit/catalog/samples.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace shifter;
using namespace shifter::pull;
using Catch::Matchers::Contains;

namespace {

const Platform here{"linux", "amd64", ""};

std::string sample() {
    tests::SquashfsWriter squashfs;
    squashfs.root = squashfs.directory({{"file", squashfs.file("content")}});
    return squashfs.end();
}

struct Site {
    Site() {
        settings.cache_directory = folder / ".";
        settings.squashfs_reader = SQUASHFS_READER;
    }
    std::shared_ptr<const SharedFile> file(const std::string & bytes) const {
        std::ofstream{folder / "sent", std::ios::binary} << bytes;
        return own_file(folder / "sent", ::geteuid());
    }
    SquashfsFile image(const std::string & bytes, bool is_copied = true) const {
        return {settings, file(bytes), is_copied, "squashfs:a", {}};
    }
    void replace_reader(const std::string & script) {
        const std::string path = folder / "reader";
        std::ofstream{path} << "#!/bin/sh\n" << script;
        REQUIRE(::chmod(path.c_str(), 0755) == 0);
        settings.squashfs_reader = path;
    }
    std::string refusal(const std::string & bytes) const {
        try {
            (void)image(bytes).resolve(here);
        } catch (const Error & error) {
            return error.what();
        }
        return "it was taken";
    }
    catalog::samples::Folder folder;
    GatewaySettings settings;
};

} // namespace

TEST_CASE("H8-14: a squashfs file is an image by its whole digest, private, of one layer that is the same each time") {
    const Site site;
    SquashfsFile image = site.image(sample(), GENERATE(true, false));
    const auto resolved = image.resolve(here);
    CHECK(resolved.manifest_digest == oci::digest_of(sample()));
    CHECK_FALSE(resolved.anonymous);
    CHECK(resolved.manifest.layers.front().size_bytes == sample().size());
    std::uint64_t counted = 0;
    const auto layer = image.open_layer(0, [&](std::uint64_t bytes) { counted += bytes; });
    oci::Hasher hasher;
    std::array<std::byte, 700> buffer{};
    while (const std::size_t count = layer->read(buffer))
        hasher.update(std::span<const std::byte>{buffer}.first(count));
    CHECK(hasher.finish() == resolved.config.diff_ids.front());
    CHECK(counted == sample().size());
}

TEST_CASE("what the reader of squashfs files says, and how it ends, becomes the sentence") {
    Site site;
    CHECK_THAT(site.refusal("hsqs" + std::string(200, 'x')), Contains("the squashfs file has version"));
    site.replace_reader("exit 3\n");
    CHECK_THAT(site.refusal(sample()), Contains("its reader failed, it ended with status 3"));
    site.replace_reader("kill -31 $$\n");
    CHECK_THAT(site.refusal(sample()), Contains("ended by signal 31"));
    site.settings.squashfs_reader = "/nowhere/reader";
    CHECK_THAT(site.refusal(sample()), Contains("cannot start \"/nowhere/reader\""));
}

TEST_CASE("R16: a reader that gives nothing is ended after its time, and a slow one is not") {
    Site site;
    site.replace_reader("sleep 2; printf x\n");
    site.settings.import_stall_timeout = std::chrono::seconds{1};
    CHECK_THAT(site.refusal(sample()), Contains("gave nothing for 1 seconds (ImportStallTimeout"));
    site.settings.import_stall_timeout = std::chrono::seconds{20};
    CHECK(site.refusal(sample()) == "it was taken");
}

TEST_CASE("R16: the reader is told how much memory it may take, and the least that a site can state will do") {
    Site site;
    site.settings.import_memory_bytes = 64U << 20U;
    CHECK(site.refusal(sample()) == "it was taken");
    site.replace_reader("printf \"it has $6 bytes\" >&2; exit 1\n");
    CHECK(site.refusal(sample()) == "it has 67108864 bytes");
}

// A sanitizer maps terabytes: such a build has no limit (squash/sandbox.cpp).
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE(
    "R16: a squashfs file whose reading takes more memory than the limit is refused in words, within it it is taken") {
    Site site;
    std::string large_blocks = sample(); // two buffers of a megabyte, which the process does not have at its start
    large_blocks.replace(12, 4, std::string{"\x00\x00\x10\x00", 4});
    large_blocks.replace(22, 2, std::string{"\x14\x00", 2});
    site.settings.import_memory_bytes = 1U << 20U;
    CHECK_THAT(site.refusal(large_blocks), Contains("takes more memory than ImportMemory"));
    CHECK(site.refusal(sample()) == "it was taken"); // blocks of 4 KiB: what it has will do
    site.settings.import_memory_bytes = 64U << 20U;
    CHECK(site.refusal(large_blocks) == "it was taken");
}
#endif

TEST_CASE("R16: a file on the gateway's host may have so many bytes as one that is sent") {
    Site site;
    site.settings.max_upload_bytes = sample().size();
    (void)site.image(sample(), false).resolve(here);
    --site.settings.max_upload_bytes;
    CHECK_THROWS_AS(site.image(sample(), false).resolve(here), OverQuota);
}

TEST_CASE("H8-16: only a regular file of the caller's own is his to import") {
    const Site site;
    CHECK(site.file("x") != nullptr);
    CHECK(own_file(site.folder / "sent", ::geteuid() + 1) == nullptr);
    CHECK(own_file(site.folder / "none", ::geteuid()) == nullptr);
    CHECK(own_file(site.folder / ".", ::geteuid()) == nullptr);
    REQUIRE(::mkfifo((site.folder / "fifo").c_str(), 0600) == 0);
    CHECK(own_file(site.folder / "fifo", ::geteuid()) == nullptr);
}
