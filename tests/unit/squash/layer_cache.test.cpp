#include "squash/layer_cache.hpp"

#include "base/error.hpp"
#include "oci/sha256.hpp"
#include "squash/convert.hpp"
#include "support/layer_bytes.hpp"
#include "support/scratch_directory.hpp"
#include "support/squashfs_view.hpp"
#include "support/tar_writer.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <random>
#include <sys/stat.h>

using namespace shifter;
using namespace tests;
using squash::LayerCache;
using squash::LayerInput;
using squash::LayerReuse;

namespace {

namespace fs = std::filesystem;

const squash::Options options{.block_bytes = 16384,
                              .owners = squash::Owners::keep,
                              .modes = squash::Modes::keep,
                              .xattrs = squash::Xattrs::user,
                              .threads = 2};

std::string bytes_of(const fs::path & path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

void flip(const fs::path & path, std::uint64_t offset) {
    std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
    file.seekg(static_cast<std::streamoff>(offset));
    const int old = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(old ^ 0x41));
}

/** A cache, a folder for images, and the conversions of layers that are given lowest first. */
struct Site {
    Site() : cache{make()} {}
    [[nodiscard]] LayerCache make(std::uint64_t max_bytes = 1U << 30U) const {
        return {folder.path("cache"), max_bytes, options, {}};
    }
    [[nodiscard]] std::vector<fs::path> entries() const {
        std::vector<fs::path> found;
        for (const auto & each : fs::directory_iterator{fs::path{folder.path()} / "cache"})
            if (each.path().extension() == ".layer") found.push_back(each.path());
        std::sort(found.begin(), found.end());
        return found;
    }
    /** The bytes of the image; `opened` has which layers were asked for. */
    std::string convert(const std::vector<std::string> & archives, bool cached = true, bool commit = true) {
        opened.assign(archives.size(), 0);
        std::vector<LayerInput> layers;
        std::vector<oci::Descriptor> blobs;
        std::vector<Digest> diff_ids;
        for (std::size_t i = 0; i < archives.size(); ++i) {
            blobs.push_back({"", oci::digest_of(archives[i] + blob_text), archives[i].size(), {}});
            diff_ids.push_back(oci::digest_of(archives[i]));
            layers.push_back({blobs[i], diff_ids[i], [this, i, archive = archives[i]] {
                                  ++opened[i];
                                  return std::make_unique<MemorySource>(archive, 65536, "");
                              }});
            layers.back().may_reuse = [this] { return may_reuse; };
        }
        const fs::path path = fs::path{folder.path()} / (std::to_string(images++) + ".squashfs");
        const UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
        std::optional<LayerReuse> reuse;
        if (cached) reuse.emplace(cache, scopes, path.string());
        result = squash::convert(std::move(layers), fd.get(), 7, options, {}, {}, reuse ? &*reuse : nullptr);
        if (reuse && commit) reuse->commit(scopes.back(), blobs, diff_ids);
        last = path;
        return bytes_of(path);
    }

    test::ScratchDirectory folder;
    LayerCache cache;
    std::vector<std::string> scopes{"public"};
    std::string blob_text;
    bool may_reuse = true;
    unsigned images = 0;
    squash::Result result;
    std::vector<unsigned> opened;
    fs::path last;
};

std::string body(std::mt19937 & random) {
    const std::size_t sizes[] = {1, 100, 5000, 16383, 16384, 16385, 50'000, 200'000};
    const std::size_t size = sizes[random() % 8];
    const unsigned seed = static_cast<unsigned>(random() % 12); // so that contents repeat
    return random() % 9 == 0 ? std::string(size, '\0') : noise(size / 2, seed) + std::string(size - size / 2, 'a');
}

/** Valid layers with all that makes entries hide each other, and links to what is hidden. */
std::vector<std::string> random_stack(unsigned seed) {
    std::mt19937 random{seed};
    std::vector<std::string> archives;
    std::vector<std::string> files;
    for (unsigned layer = 0; layer < 2 + seed % 4; ++layer) {
        TarWriter tar;
        std::vector<std::string> own;
        for (unsigned i = 0; i < 30; ++i) {
            const std::string name = "d" + std::to_string(random() % 4) + "/f" + std::to_string(random() % 25);
            if (std::find(own.begin(), own.end(), name) != own.end() && random() % 4 != 0) continue;
            tar.file(name, body(random));
            own.push_back(name);
        }
        for (unsigned i = 0; i < 4; ++i)
            tar.hard_link("links/" + std::to_string(layer) + "." + std::to_string(i), own[random() % own.size()]);
        if (!files.empty())
            for (unsigned i = 0; i < 2; ++i) {
                const std::string & target = files[random() % files.size()];
                if (std::find(own.begin(), own.end(), target) == own.end())
                    tar.hard_link("lower/" + std::to_string(layer) + "." + std::to_string(i), target);
            }
        archives.push_back(tar.end());
        files = own;
    }
    archives.push_back(TarWriter{}.whiteout("", "d0").whiteout("d1/", "f3").file("top", noise(70'000, 99)).end());
    return archives;
}

} // namespace

TEST_CASE("a conversion gives the same bytes whatever the layer cache has: nothing, all, or some of the layers") {
    const unsigned seed = GENERATE(range(0U, 12U));
    INFO("seed " << seed);
    const auto archives = random_stack(seed);
    Site site;
    const std::string plain = site.convert(archives, false);
    CHECK(site.convert(archives) == plain);
    CHECK(site.result.reused_layers == 0);
    CHECK(site.convert(archives) == plain);
    CHECK(site.result.reused_layers == archives.size());
    CHECK(site.opened == std::vector<unsigned>(archives.size(), 0));
    const auto entries = site.entries();
    for (std::size_t i = 0; i < entries.size(); i += 2) fs::remove(entries[i]);
    CHECK(site.convert(archives) == plain);
    CHECK(site.result.reused_layers == archives.size() - (entries.size() + 1) / 2);
    CHECK(site.convert(archives) == plain);
    CHECK(site.result.reused_layers == archives.size());
}

TEST_CASE("an image that shares layers with another one is what it would be without the cache") {
    const unsigned seed = GENERATE(range(0U, 12U));
    INFO("seed " << seed);
    auto archives = random_stack(seed);
    Site site;
    (void)site.convert(archives);
    archives.back() = TarWriter{}.whiteout("", "d2").file("d3/f1", noise(40'000, 5)).file("new", "n").end();
    const std::string plain = site.convert(archives, false);
    CHECK(site.convert(archives) == plain);
    CHECK(site.opened.back() == 1);
    CHECK(site.convert(archives) == plain);
    archives.pop_back(); // and what was hidden is seen
    const std::string lower = site.convert(archives, false);
    CHECK(site.convert(archives) == lower);
    CHECK(site.convert(archives) == lower);
    CHECK(site.result.reused_layers == archives.size());
}

TEST_CASE("a layer whose upper neighbour changed is not opened again, though files that were hidden are seen now") {
    Site site;
    TarWriter base;
    for (unsigned i = 0; i < 50; ++i) base.file("etc/" + std::to_string(i), noise(3000, i));
    base.file("lib", noise(300'000, 77));
    const std::string lower = base.end();
    (void)site.convert({lower, TarWriter{}.file("etc/7", "changed").file("lib", "changed").end()});
    const std::string plain = site.convert({lower, TarWriter{}.file("other", "x").end()}, false);
    CHECK(site.convert({lower, TarWriter{}.file("other", "x").end()}) == plain);
    CHECK(site.opened == std::vector<unsigned>{0, 1});
}

TEST_CASE("R2, I26: damage of an entry, wherever it is, is found, and the layer is converted anew") {
    const auto archives = random_stack(3);
    Site site;
    const std::string plain = site.convert(archives);
    for (unsigned step = 0; step < 25; ++step) {
        for (const fs::path & entry : site.entries()) flip(entry, fs::file_size(entry) * step / 25);
        REQUIRE(site.convert(archives) == plain);
    }
    for (const fs::path & entry : site.entries()) fs::resize_file(entry, fs::file_size(entry) / 2);
    CHECK(site.convert(archives) == plain);
    CHECK(site.result.reused_layers == 0);
}

TEST_CASE("I26: damage of the image that blocks are copied from is found, and so is its end") {
    const auto archives = random_stack(4);
    Site site;
    const std::string plain = site.convert(archives);
    for (unsigned step = 0; step < 25; ++step) {
        flip(site.last, plain.size() * step / 30 + 100);
        REQUIRE(site.convert(archives) == plain);
    }
    fs::resize_file(site.last, plain.size() / 2);
    CHECK(site.convert(archives) == plain);
    fs::remove(site.last);
    CHECK(site.convert(archives) == plain);
    CHECK(site.opened != std::vector<unsigned>(archives.size(), 0));
}

TEST_CASE("I31: a layer from the cache is for those whom its registry lets read that very blob") {
    const auto archives = random_stack(1);
    const std::vector<unsigned> all(archives.size(), 1);
    Site site;
    site.scopes = {"public", "registry a"};
    (void)site.convert(archives);
    SECTION("not when the registry does not say so") { site.may_reuse = false; }
    SECTION("not by the content's digest alone, with another blob") { site.blob_text = "x"; }
    SECTION("not from another registry") { site.scopes = {"public", "registry b"}; }
    (void)site.convert(archives);
    for (const unsigned times : site.opened) CHECK(times >= 1);
    CHECK(site.result.reused_layers == 0);
}

TEST_CASE("what is public is found by those who look among their own registry's, too") {
    const auto archives = random_stack(1);
    Site site;
    (void)site.convert(archives);
    site.scopes = {"public", "registry a"};
    (void)site.convert(archives);
    CHECK(site.result.reused_layers == archives.size());
}

TEST_CASE("R16: the cache keeps to its size, and lets go of what was used least lately") {
    Site site;
    std::vector<std::string> archives;
    for (unsigned i = 0; i < 6; ++i) archives.push_back(TarWriter{}.file("f", noise(1000, i)).end());
    for (std::size_t i = 0; i < archives.size(); ++i) {
        (void)site.convert({archives[i]});
        for (const fs::path & entry : site.entries()) // each is older than the next, whatever the clock's grain
            fs::last_write_time(entry, fs::last_write_time(entry) - std::chrono::seconds{10});
    }
    const std::uint64_t one = fs::file_size(site.entries().front());
    REQUIRE(site.entries().size() == 6);
    (void)site.convert({archives[0]}); // used again
    (void)site.make(3 * one);
    CHECK(site.entries().size() == 3);
    for (const unsigned kept : {0U, 4U, 5U}) {
        (void)site.convert({archives[kept]}, true, false);
        CHECK(site.result.reused_layers == 1);
    }
    (void)site.make(3 * one - 1);
    CHECK(site.entries().size() == 2);
}

TEST_CASE("R2: what a conversion that died has left goes, and that of one that lives stays") {
    Site site;
    const fs::path dead = fs::path{site.folder.path()} / "cache/.work.dead";
    fs::create_directory(dead);
    std::ofstream{dead / "lock"};
    std::ofstream{dead / "0"} << "half an entry";
    const LayerReuse alive{site.cache, {"public"}, "/nowhere"};
    (void)site.make();
    CHECK_FALSE(fs::exists(dead));
    unsigned left = 0;
    for (const auto & each : fs::directory_iterator{fs::path{site.folder.path()} / "cache"})
        left += each.path().filename().string().starts_with(".work.") ? 1 : 0;
    CHECK(left == 1);
}

TEST_CASE("a cache that cannot be written to costs no pull its success") {
    const auto archives = random_stack(2);
    Site site;
    const std::string plain = site.convert(archives, false);
    fs::remove_all(fs::path{site.folder.path()} / "cache");
    CHECK(site.convert(archives) == plain);
}

TEST_CASE("I33: a cache that others could enter is refused") {
    const test::ScratchDirectory folder;
    const fs::path path = fs::path{folder.path()} / "cache";
    fs::create_directory(path);
    REQUIRE(::chmod(path.c_str(), 0750) == 0);
    CHECK_THROWS_WITH(LayerCache(path.string(), 1000, options, {}), Catch::Contains("chmod 700"));
}
