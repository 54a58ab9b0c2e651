#include "squash/convert.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "oci/sha256.hpp"
#include "support/layer_bytes.hpp"
#include "support/squashfs_view.hpp"
#include "support/tar_writer.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace shifter;
using namespace tests;
using squash::LayerInput;

namespace {

/** A file without a name, and the name under which libsquashfs can open it. */
struct Target {
    Target() : fd{::memfd_create("squashfs", MFD_CLOEXEC)} {}
    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd.get()); }
    [[nodiscard]] std::string bytes() const {
        std::ifstream in{path(), std::ios::binary};
        return {std::istreambuf_iterator<char>{in}, {}};
    }
    UniqueFd fd;
};

LayerInput layer(const std::string & archive, std::string compressed, std::string failure = {}) {
    LayerInput input{{"application/vnd.oci.image.layer.v1.tar+gzip", oci::digest_of(compressed), compressed.size(), {}},
                     oci::digest_of(archive),
                     {}};
    input.open = [compressed = std::move(compressed), failure = std::move(failure)] {
        return std::make_unique<MemorySource>(compressed, 65536, failure);
    };
    return input;
}

/** Lowest first, in turn as gzip, zstd and plain. */
std::vector<LayerInput> layers_of(const std::vector<std::string> & archives) {
    std::vector<LayerInput> layers;
    for (const auto & archive : archives) {
        const std::size_t turn = layers.size() % 3;
        layers.push_back(layer(archive, turn == 0 ? gzip(archive) : turn == 1 ? zstd(archive) : archive));
    }
    return layers;
}

constexpr std::uint32_t created = 1'234'567'890;

const squash::Options keep{
    .owners = squash::Owners::keep, .modes = squash::Modes::keep, .xattrs = squash::Xattrs::user, .threads = 2};

squash::Result convert(Target & target, std::vector<LayerInput> layers, const squash::Options & options = keep) {
    return squash::convert(std::move(layers), target.fd.get(), created, options, {}, {});
}

unsigned threads_of_this_process() {
    unsigned count = 0;
    DIR * const directory = ::opendir("/proc/self/task");
    while (::readdir(directory) != nullptr) ++count;
    ::closedir(directory);
    return count;
}

} // namespace

TEST_CASE("an image becomes one squashfs with all that it has, whatever the codec") {
    auto [codec, level] = GENERATE(table<squash::Codec, int>({{squash::Codec::zstd, 3},
                                                              {squash::Codec::gzip, 6},
                                                              {squash::Codec::lz4, 0},
                                                              {squash::Codec::lz4, 9},
                                                              {squash::Codec::xz, 1}}));
    const std::string large = noise(700'000);
    const std::string sparse = std::string(200'000, '\0') + "end";
    const std::vector<std::string> archives{
        TarWriter{}
            .directory("./", 0750)
            .directory("usr", 0711)
            .add({.name = "usr/large", .mode = 0640, .uid = 1000, .gid = 70000, .body = large})
            .file("gone", "gone")
            .end(),
        TarWriter{}
            .pax({{"SCHILY.xattr.user.note", std::string{"a\0b", 3}}})
            .file("usr/small", "small")
            .symlink("link", "usr/large")
            .hard_link("usr/hard", "usr/small")
            .add({.type = '6', .name = "fifo", .mode = 0600})
            .file("empty")
            .end(),
        TarWriter{}
            .whiteout("", "gone")
            .pax({{"GNU.sparse.size", std::to_string(sparse.size())}, {"GNU.sparse.map", "200000,3"}})
            .file("sparse", "end")
            .file("implied/new\nline", "n")
            .end()};
    squash::Options options = keep;
    options.codec = codec;
    options.level = level;
    Target target;
    const auto result = convert(target, layers_of(archives), options);
    const SquashfsView view{target.path()};
    CHECK(view.super.magic == SQFS_MAGIC);
    CHECK(view.super.block_size == 65536);
    CHECK(view.super.modification_time == created);
    CHECK(view.super.bytes_used <= result.size_bytes);
    CHECK(result.size_bytes % 4096 == 0);
    CHECK(target.bytes().size() == result.size_bytes);
    CHECK(result.entries == view.entries.size());
    CHECK(result.unpacked_bytes == large.size() + 5 + sparse.size() + 1);

    std::vector<std::string> paths;
    for (const auto & [path, entry] : view.entries) paths.push_back(path);
    CHECK(paths == std::vector<std::string>{"", "empty", "fifo", "implied", "implied/new\nline", "link", "sparse",
                                            "usr", "usr/hard", "usr/large", "usr/small"});
    const auto & at = view.entries;
    CHECK(at.at("").mode == (S_IFDIR | 0750U));
    CHECK(at.at("usr").mode == (S_IFDIR | 0711U));
    CHECK(at.at("usr").mtime == 1'000'000'000);
    CHECK(at.at("usr").links == 2);
    CHECK(at.at("").links == 4);
    CHECK(at.at("implied").mode == (S_IFDIR | 0755U));
    CHECK(at.at("implied").mtime == created);
    CHECK(at.at("usr/large").content == large);
    CHECK(at.at("usr/large").mode == (S_IFREG | 0640U));
    CHECK(at.at("usr/large").uid == 1000);
    CHECK(at.at("usr/large").gid == 70000);
    CHECK(at.at("usr/small").content == "small");
    CHECK(at.at("usr/small").links == 2);
    CHECK(at.at("usr/small").number == at.at("usr/hard").number);
    CHECK(at.at("usr/small").xattrs == std::map<std::string, std::string>{{"user.note", std::string{"a\0b", 3}}});
    CHECK(at.at("link").mode == (S_IFLNK | 0777U));
    CHECK(at.at("link").content == "usr/large");
    CHECK(at.at("fifo").mode == (S_IFIFO | 0600U));
    CHECK(at.at("sparse").content == sparse);
    CHECK(at.at("empty").content.empty());
}

TEST_CASE("the same layers give the same bytes, whatever the number of threads") {
    TarWriter lower;
    TarWriter upper;
    for (unsigned i = 0; i < 5000; ++i)
        lower.file("d" + std::to_string(i % 7) + "/f" + std::to_string(i), noise(i * 13 % 9000, i % 900));
    for (unsigned i = 0; i < 20; ++i) upper.file("big" + std::to_string(i), noise(300'000, i % 15));
    const std::vector<std::string> archives{lower.end(), upper.end()};
    std::string first;
    for (const unsigned threads : {1U, 2U, 5U}) {
        squash::Options options;
        options.threads = threads;
        options.parallel_layers = threads;
        Target target;
        (void)convert(target, layers_of(archives), options);
        if (first.empty()) first = target.bytes();
        CHECK(target.bytes() == first);
    }
}

TEST_CASE("files with the same content are stored once") {
    const std::string body = noise(500'000);
    const std::string small = noise(5'000, 7);
    Target once;
    Target often;
    (void)convert(once, layers_of({TarWriter{}.file("a", body).file("s", small).end()}));
    (void)convert(often, layers_of({TarWriter{}.file("a", body).file("b", body).file("s", small).file("t", small).end(),
                                    TarWriter{}.file("c", body).file("u", small).end()}));
    CHECK(often.bytes().size() <= once.bytes().size() + 4096);
    const SquashfsView view{often.path()};
    CHECK(view.entries.at("b").content == body);
    CHECK(view.entries.at("c").content == body);
    CHECK(view.entries.at("t").content == small);
    CHECK(view.entries.at("u").content == small);
}

TEST_CASE("a directory may have more than 65535 entries, and a listing of any length") {
    TarWriter many;
    for (unsigned i = 0; i < 70'000; ++i) many.file("many/" + std::to_string(i));
    // Lengths of listings around 65535 bytes, where the short form of a directory's inode ends.
    const unsigned extra = 20;
    for (unsigned listing = 0; listing < extra; ++listing) {
        const std::string directory = "listing" + std::to_string(listing);
        for (unsigned i = 0; i < 2500; ++i)
            many.file(directory + "/" + std::to_string(10000 + i) + std::string(12 + (i < 2430 ? 1 : 0), 'n'));
        many.file(directory + "/z" + std::string(1 + listing * 5, 'z'));
    }
    Target target;
    (void)convert(target, layers_of({many.end()}));
    const SquashfsView view{target.path()};
    CHECK(view.entries.size() == 70'000 + 2 + extra * (2501 + 1));
}

TEST_CASE("I26: a layer with the wrong diffID, a broken source or a broken archive stops the conversion, and its "
          "threads end") {
    const unsigned threads = threads_of_this_process();
    const std::string good = TarWriter{}.file("a", noise(3'000'000)).end();
    std::vector<LayerInput> layers = layers_of({good, good, good, good});
    auto [broken, message] = GENERATE_COPY(table<LayerInput, std::string>({
        {layer("other", gzip(good)), "its content has the digest " + oci::digest_of(good).to_string() +
                                         ", but the image's configuration says " + oci::digest_of("other").to_string()},
        {layer(good, gzip(good).substr(0, 10'000)), "the gzip stream ends too early"},
        {layer("BZh91AY&SYx", "BZh91AY&SYx"), "the tar archive ends too early"},
    }));
    const std::size_t place = GENERATE(0U, 2U, 3U);
    layers[place] = broken;
    unsigned cancelled = 0;
    for (LayerInput & input : layers) input.cancel = [&] { ++cancelled; };
    Target target;
    CHECK_THROWS_WITH(convert(target, layers),
                      Catch::Contains("layer " + broken.blob.digest.to_string() + ": ") && Catch::EndsWith(message));
    CHECK(cancelled == 4);
    CHECK(threads_of_this_process() == threads);

    layers[place] = layer(good, gzip(good).substr(0, 10'000), "the registry went away");
    CHECK_THROWS_WITH(convert(target, layers), "the registry went away");
    CHECK(threads_of_this_process() == threads);
}

TEST_CASE("a stop ends a conversion within a second, also while it waits for bytes") {
    struct Endless : oci::ByteSource {
        std::size_t read(std::span<std::byte> buffer) override {
            // A header of an endless file, then its content, slowly.
            if (header_.empty()) std::this_thread::sleep_for(std::chrono::milliseconds{20});
            const std::size_t count = header_.empty() ? std::min<std::size_t>(buffer.size(), 100) : header_.size();
            for (std::size_t i = 0; i < count; ++i)
                buffer[i] = header_.empty() ? std::byte{1} : static_cast<std::byte>(header_[i]);
            header_.clear();
            return count;
        }
        std::string header_ = [] {
            std::string block(512, '\0');
            TarWriter::put(block, 0, 100, "endless");
            TarWriter::octal(block, 124, 12, std::uint64_t{1} << 32U);
            return TarWriter{}.raw_header(block).without_end();
        }();
    };
    std::vector<LayerInput> layers = layers_of({TarWriter{}.end()});
    layers[0].open = [] { return std::make_unique<Endless>(); };
    std::stop_source stop;
    Target target;
    std::chrono::steady_clock::time_point asked;
    std::jthread stopper{[&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{200});
        asked = std::chrono::steady_clock::now();
        stop.request_stop();
    }};
    CHECK_THROWS_WITH(squash::convert(layers, target.fd.get(), created, keep, {}, stop.get_token()),
                      "the conversion was stopped");
    CHECK(std::chrono::steady_clock::now() - asked < std::chrono::seconds{1});
}

TEST_CASE("a full disk is named as what it is") {
    struct FileSizeLimit { // a disk that fills up, as far as write(2) can tell
        FileSizeLimit() {
            ::getrlimit(RLIMIT_FSIZE, &before);
            const rlimit small{100'000, before.rlim_max};
            old = std::signal(SIGXFSZ, SIG_IGN);
            ::setrlimit(RLIMIT_FSIZE, &small);
        }
        ~FileSizeLimit() {
            ::setrlimit(RLIMIT_FSIZE, &before);
            (void)std::signal(SIGXFSZ, old);
        }
        rlimit before{};
        void (*old)(int) = nullptr;
    };
    const unsigned threads = threads_of_this_process();
    const UniqueFd file{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    REQUIRE(file);
    std::string message;
    {
        const FileSizeLimit limit;
        try {
            (void)squash::convert(layers_of({TarWriter{}.file("a", noise(3'000'000)).end()}), file.get(), created, keep,
                                  {}, {});
        } catch (const Error & error) {
            message = error.what();
        }
    }
    CHECK(message == "cannot write the squashfs file: File too large");
    CHECK(threads_of_this_process() == threads);
    const UniqueFd full{::open("/dev/full", O_RDWR | O_CLOEXEC)};
    CHECK_THROWS_WITH(squash::convert(layers_of({TarWriter{}.end()}), full.get(), created, keep, {}, {}),
                      "cannot write the squashfs file: No space left on device");
}

TEST_CASE("a body that a hard link turns out to need is fetched by opening its layer again") {
    unsigned opened = 0;
    const std::string lower = TarWriter{}.file("a", noise(100'000)).hard_link("b", "a").end();
    std::vector<LayerInput> layers = layers_of({lower, TarWriter{}.whiteout("", "a").end()});
    layers[0].open = [&opened, lower] {
        ++opened;
        return std::make_unique<MemorySource>(lower);
    };
    Target target;
    (void)convert(target, layers);
    CHECK(opened == 2);
    CHECK(SquashfsView{target.path()}.entries.at("b").content == noise(100'000));
}

TEST_CASE("an image without layers, or of many, is an image") {
    Target empty;
    CHECK(convert(empty, {}).entries == 1);
    CHECK(SquashfsView{empty.path()}.entries.at("").mode == (S_IFDIR | 0755U));
    std::vector<std::string> archives;
    for (unsigned i = 0; i < 127; ++i)
        archives.push_back(TarWriter{}
                               .file("f" + std::to_string(i), std::to_string(i))
                               .whiteout("", "f" + std::to_string(i - 2))
                               .end());
    Target many;
    CHECK(convert(many, layers_of(archives)).entries == 3);
}
