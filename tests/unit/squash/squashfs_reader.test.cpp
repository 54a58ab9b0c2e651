#include "squash/squashfs_reader.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "layers/layer_reader.hpp"
#include "support/squashfs_writer.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

using namespace shifter;
using Catch::Matchers::Contains;
using tests::Bytes;
using tests::SquashfsWriter;

namespace {

std::string tar_of(const std::string & squashfs, const layers::Limits & limits = {}) {
    const UniqueFd fd{::memfd_create("squashfs", MFD_CLOEXEC)};
    REQUIRE(::pwrite(fd.get(), squashfs.data(), squashfs.size(), 0) == static_cast<ssize_t>(squashfs.size()));
    std::string tar;
    squash::squashfs_to_tar(fd.get(), squashfs.size(), limits, [&](std::span<const std::byte> bytes) {
        tar.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    });
    return tar;
}

struct Body : layers::BodySink {
    void data(std::span<const std::byte> bytes) override {
        text.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    }
    void hole(std::uint64_t bytes) override { text.append(bytes, '\0'); }
    std::string text;
};

/** What a layer reader finds in the tar stream: path to "kind mode link-or-body". */
std::map<std::string, std::string> entries_of(const std::string & tar) {
    bool is_given = false;
    layers::LayerReader reader{"the stream",
                               [&]() -> std::span<const std::byte> {
                                   if (std::exchange(is_given, true)) return {};
                                   return std::as_bytes(std::span{tar});
                               },
                               {}};
    std::map<std::string, std::string> found;
    layers::LayerEntry entry;
    while (reader.next(entry)) {
        Body body;
        if (entry.kind == layers::LayerEntry::Kind::file) reader.read_body(body);
        found[entry.path] = std::to_string(static_cast<int>(entry.kind)) + " " + std::to_string(entry.mode) + " " +
                            entry.link + body.text;
    }
    return found;
}

/** The sentence with which a file is refused. */
std::string refusal(const std::string & squashfs, const layers::Limits & limits = {}) {
    try {
        (void)tar_of(squashfs, limits);
    } catch (const Error & error) {
        return error.what();
    }
    return "it was taken";
}

/** /bin/tool twice, /link, /dev/null, /big of one block and a half. */
SquashfsWriter sample() {
    SquashfsWriter squashfs;
    const auto tool = squashfs.file("#!/bin/sh\n", 04755, 2);
    const auto bin = squashfs.directory({{"tool", tool}, {"twin", tool}});
    const auto link = squashfs.symlink("bin/tool");
    const auto dev = squashfs.directory({{"null", squashfs.device()}});
    const auto big = squashfs.file(std::string(6000, 'x'));
    squashfs.root = squashfs.directory({{"big", big}, {"bin", bin}, {"dev", dev}, {"link", link}});
    return squashfs;
}

} // namespace

TEST_CASE("a squashfs file is a tree: bodies, modes, links, hard links, and devices for who drops them") {
    const auto found = entries_of(tar_of(sample().end()));
    CHECK(found.at("bin/tool") == "0 2541 #!/bin/sh\n");
    CHECK(found.at("bin/twin") == "3 2541 bin/tool");
    CHECK(found.at("link") == "2 511 bin/tool");
    CHECK(found.at("dev/null").substr(0, 2) == "5 ");
    CHECK(found.at("big") == "0 420 " + std::string(6000, 'x'));
    CHECK(found.at("bin") == "1 493 ");
    CHECK(found.size() == 8);
}

TEST_CASE("long names and links pass whole") {
    SquashfsWriter squashfs;
    const std::string name(255, 'n');
    const auto link = squashfs.symlink(std::string(300, 'l'));
    const auto inner = squashfs.directory({{name, link}});
    squashfs.root = squashfs.directory({{name, inner}});
    CHECK(entries_of(tar_of(squashfs.end())).at(name + "/" + name) == "2 511 " + std::string(300, 'l'));
}

TEST_CASE("I20: what is no squashfs, or lies about its tables, is refused in words") {
    const SquashfsWriter good = sample();
    const std::string bytes = good.end();
    CHECK(refusal("") == "the file is no squashfs: it is too short");
    CHECK_THAT(refusal(std::string(4096, 'x')), Contains("does not begin with \"hsqs\""));
    CHECK_THAT(refusal(good.end({.version = 3})), Contains("version 3.0"));
    CHECK_THAT(refusal(good.end({.codec = 3})), Contains("cannot read; make it with mksquashfs -comp zstd"));
    CHECK_THAT(refusal(good.end({.codec = 77})), Contains("number 77"));
    CHECK_THAT(refusal(good.end({.block_log = 13})), Contains("block size"));
    CHECK_THAT(refusal(good.end({.bytes_used = 1U << 20U})), Contains("is it cut off?"));
    CHECK_THAT(refusal(bytes.substr(0, bytes.size() - 1)), Contains("is it cut off?"));
    CHECK_THAT(refusal(good.end({.directory_table = 100'000})), Contains("a table lies outside"));
    CHECK_THAT(refusal(good.end({.ids = 0})), Contains("a table lies outside"));
    CHECK_THAT(refusal(good.end({.ids = 60'000})), Contains("damaged"));
}

TEST_CASE("I20: a directory that stands in two places is refused, and so is every loop") {
    SquashfsWriter loop;
    // The root's own inode is the first one: at 0.
    const std::string list = SquashfsWriter::listing({{"again", 0}});
    loop.directories = list;
    loop.root = loop.inode(Bytes{}
                               .add(SquashfsWriter::head(1, 0755))
                               .add<std::uint32_t>(0)
                               .add<std::uint32_t>(2)
                               .add(static_cast<std::uint16_t>(list.size() + 3))
                               .add<std::uint16_t>(0)
                               .add<std::uint32_t>(1)
                               .text);
    CHECK(refusal(loop.end()) ==
          "the squashfs file is damaged: a directory stands in two places, the second is \"again\"");
    SquashfsWriter twice;
    const auto inner = twice.directory({});
    twice.root = twice.directory({{"a", inner}, {"b", inner}});
    CHECK_THAT(refusal(twice.end()), Contains("the second is \"b\""));
}

TEST_CASE("I21: names that no file can have, and those that mean removals, are refused") {
    const auto name = GENERATE(std::string{".."}, ".", "a/b", std::string("a\0b", 3), ".wh.etc", ".wh..wh..opq");
    SquashfsWriter squashfs;
    squashfs.root = squashfs.directory({{name, squashfs.file("x")}});
    CHECK_THAT(refusal(squashfs.end()), Contains("which no file can have") || Contains("mean removals"));
}

TEST_CASE("I20: counts, sizes and references beyond what is there are refused, whatever they say") {
    using Build = void (*)(SquashfsWriter &);
    const auto [build, words] = GENERATE(table<Build, std::string>({
        {[](SquashfsWriter & s) { s.root = 5'000'000'000; }, "an inode lies outside"},
        {[](SquashfsWriter & s) { s.root = s.file("x") + 8000; }, "beyond its block"},
        {[](SquashfsWriter & s) { s.root = s.file("x"); }, "its root is no directory"},
        {[](SquashfsWriter & s) { s.root = s.inode(SquashfsWriter::head(15, 0)); }, "type 15"},
        {[](SquashfsWriter & s) {
             s.root = s.directory({{"a", 60'000}});
         },
         "beyond its block"},
        // a file of 16 EB without a single block
        {[](SquashfsWriter & s) {
             const auto huge = s.inode(Bytes{}
                                           .add(SquashfsWriter::head(9, 0644))
                                           .add<std::uint64_t>(96)
                                           .add<std::uint64_t>(UINT64_MAX)
                                           .add<std::uint64_t>(0)
                                           .add<std::uint32_t>(1)
                                           .add<std::uint32_t>(0xffffffff)
                                           .add<std::uint32_t>(0)
                                           .add<std::uint32_t>(0xffffffff)
                                           .text);
             s.root = s.directory({{"huge", huge}});
         },
         "unpacks to more than"},
        // a tail in a fragment that there is not
        {[](SquashfsWriter & s) {
             const auto tail = s.inode(Bytes{}
                                           .add(SquashfsWriter::head(2, 0644))
                                           .add<std::uint32_t>(96)
                                           .add<std::uint32_t>(7)
                                           .add<std::uint32_t>(0)
                                           .add<std::uint32_t>(10)
                                           .text);
             s.root = s.directory({{"tail", tail}});
         },
         "not in its table"},
        // a fragment that ends before the tail does
        {[](SquashfsWriter & s) {
             s.data = std::string(100, 'f');
             s.fragments =
                 Bytes{}.add<std::uint64_t>(96).add<std::uint32_t>(100U | (1U << 24U)).add<std::uint32_t>(0).text;
             const auto tail = s.inode(Bytes{}
                                           .add(SquashfsWriter::head(2, 0644))
                                           .add<std::uint32_t>(96)
                                           .add<std::uint32_t>(0)
                                           .add<std::uint32_t>(95)
                                           .add<std::uint32_t>(10)
                                           .text);
             s.root = s.directory({{"tail", tail}});
         },
         "lies outside of its block"},
        // a directory with 4 billion entries
        {[](SquashfsWriter & s) {
             s.directories = Bytes{}.add<std::uint32_t>(0xffffffff).add<std::uint32_t>(0).add<std::uint32_t>(0).text;
             s.root = s.inode(Bytes{}
                                  .add(SquashfsWriter::head(8, 0755))
                                  .add<std::uint32_t>(2)
                                  .add<std::uint32_t>(0xffffffff)
                                  .add<std::uint32_t>(0)
                                  .add<std::uint32_t>(0)
                                  .add<std::uint16_t>(0)
                                  .add<std::uint16_t>(0)
                                  .add<std::uint32_t>(0xffffffff)
                                  .text);
         },
         "too many entries"},
        {[](SquashfsWriter & s) {
             const auto link = s.inode(
                 Bytes{}.add(SquashfsWriter::head(3, 0777)).add<std::uint32_t>(1).add<std::uint32_t>(0xffffffff).text);
             s.root = s.directory({{"link", link}});
         },
         "too long a one"},
        {[](SquashfsWriter & s) {
             const auto file = s.inode(Bytes{}
                                           .add(SquashfsWriter::head(2, 0644))
                                           .add<std::uint32_t>(0xfffffff0)
                                           .add<std::uint32_t>(0xffffffff)
                                           .add<std::uint32_t>(0)
                                           .add<std::uint32_t>(4096)
                                           .add<std::uint32_t>(4096U | (1U << 24U))
                                           .text);
             s.root = s.directory({{"far", file}});
         },
         "a block lies outside"},
    }));
    SquashfsWriter squashfs;
    build(squashfs);
    CHECK_THAT(refusal(squashfs.end()), Contains(words));
}

TEST_CASE("R16, I23: each limit of the reader has two sides") {
    const std::string bytes = sample().end(); // 8 entries with the root, 6010 bytes, 1 directory below the root
    layers::Limits limits;
    limits.max_entries = 8;
    limits.max_layer_unpacked_bytes = 6010;
    limits.max_depth = 1;
    limits.max_path_bytes = 8;
    CHECK(entries_of(tar_of(bytes, limits)).size() == 8);
    --limits.max_entries;
    CHECK_THAT(refusal(bytes, limits), Contains("more than 7 entries"));
    ++limits.max_entries;
    --limits.max_layer_unpacked_bytes;
    CHECK_THAT(refusal(bytes, limits), Contains("more than 6009 bytes"));
    ++limits.max_layer_unpacked_bytes;
    --limits.max_depth;
    CHECK_THAT(refusal(bytes, limits), Contains("deeper than 0"));
    ++limits.max_depth;
    --limits.max_path_bytes;
    CHECK_THAT(refusal(bytes, limits), Contains("more than 7 bytes") || Contains("too long a one"));
}

TEST_CASE("I20: a file with any one byte changed is read, or refused, in bounded time") {
    const std::string bytes = sample().end();
    layers::Limits limits;
    limits.max_entries = 1000;
    limits.max_layer_unpacked_bytes = 1U << 20U;
    unsigned taken = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (const char change : {'\x01', '\x7f', 'U'}) {
            std::string changed = bytes;
            changed[at] = static_cast<char>(changed[at] ^ change);
            if (refusal(changed, limits) == "it was taken") ++taken;
        }
    CHECK(taken > 0); // bodies, times: what nothing depends on
}
