#include "layers/layer_reader.hpp"

#include "base/error.hpp"
#include "support/tar_writer.hpp"

#include <catch2/catch.hpp>

using namespace shifter::layers;
using tests::TarWriter;

namespace {

struct Text : BodySink {
    void data(std::span<const std::byte> bytes) override {
        text.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    }
    void hole(std::uint64_t bytes) override {
        text.append(bytes, '\0');
        holes += bytes;
    }
    std::string text;
    std::uint64_t holes = 0;
};

struct Read {
    std::vector<LayerEntry> entries;
    std::vector<Text> bodies;
};

/** Reads `archive` in pieces of `step` bytes. */
Read read(const std::string & archive, std::size_t step = 100'000, const Limits & limits = {}) {
    std::size_t begin = 0;
    LayerReader reader{"layer x",
                       [&]() -> std::span<const std::byte> {
                           const auto piece =
                               std::as_bytes(std::span{archive}).subspan(begin, std::min(step, archive.size() - begin));
                           begin += piece.size();
                           return piece;
                       },
                       limits};
    Read result;
    for (LayerEntry entry; reader.next(entry);) {
        result.entries.push_back(entry);
        result.bodies.emplace_back();
        if (entry.kind == LayerEntry::Kind::file) reader.read_body(result.bodies.back());
    }
    return result;
}

LayerEntry first(const std::string & archive, const Limits & limits = {}) {
    return read(archive, 100'000, limits).entries.at(0);
}

std::string sparse_header(const std::vector<std::pair<unsigned, unsigned>> & segments, unsigned real_size,
                          std::size_t stored, bool more = false) {
    std::string block(512, '\0');
    TarWriter::put(block, 0, 100, "sparse");
    TarWriter::octal(block, 100, 8, 0644);
    TarWriter::octal(block, 124, 12, stored);
    block[156] = 'S';
    TarWriter::put(block, 257, 8, "ustar  ");
    for (std::size_t i = 0; i < segments.size(); ++i) {
        TarWriter::octal(block, 386 + 24 * i, 12, segments[i].first);
        TarWriter::octal(block, 398 + 24 * i, 12, segments[i].second);
    }
    block[482] = more ? 1 : 0;
    TarWriter::octal(block, 483, 12, real_size);
    return block;
}

} // namespace

TEST_CASE("every kind of entry is read, in pieces of any size") {
    const std::size_t step = GENERATE(1U, 511U, 513U, 1U << 20U);
    const std::string archive = TarWriter{}
                                    .directory("./")
                                    .directory("usr/", 01777)
                                    .file("./usr/file", std::string(1000, 'x'), 0640)
                                    .symlink("usr/link", "../anywhere/./x")
                                    .hard_link("usr/hard", "./usr/file")
                                    .add({.type = '6', .name = "fifo"})
                                    .add({.type = '3', .name = "dev/null"})
                                    .add({.type = '7', .name = "contiguous", .body = "body"})
                                    .add({.type = '\0', .name = "old/", .magic = ""})
                                    .end();
    const auto [entries, bodies] = read(archive, step);
    using Kind = LayerEntry::Kind;
    REQUIRE(entries.size() == 9);
    const std::vector<std::pair<Kind, std::string>> expected{
        {Kind::directory, ""},       {Kind::directory, "usr"},      {Kind::file, "usr/file"},
        {Kind::symlink, "usr/link"}, {Kind::hard_link, "usr/hard"}, {Kind::fifo, "fifo"},
        {Kind::device, "dev/null"},  {Kind::file, "contiguous"},    {Kind::directory, "old"}};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(entries[i].kind == expected[i].first);
        CHECK(entries[i].path == expected[i].second);
    }
    CHECK(entries[1].mode == 01777);
    CHECK(entries[2].mode == 0640);
    CHECK(entries[2].mtime == 1'000'000'000);
    CHECK(bodies[2].text == std::string(1000, 'x'));
    CHECK(entries[3].link == "../anywhere/./x");
    CHECK(entries[4].link == "usr/file");
    CHECK(bodies[7].text == "body");
}

TEST_CASE("long names come from ustar's prefix, from GNU's and from pax headers") {
    const std::string name(200, 'n');
    const std::string link(300, 'l');
    CHECK(first(TarWriter{}.add({.name = "file", .prefix = "a/b"}).end()).path == "a/b/file");
    // GNU's header has other things where ustar has its prefix.
    CHECK(first(TarWriter{}.add({.name = "file", .magic = "ustar  ", .prefix = "1234567"}).end()).path == "file");
    CHECK(
        first(TarWriter{}.add({.type = 'L', .name = "././@LongLink", .body = name + '\0'}).file("short").end()).path ==
        name);
    const auto both = first(TarWriter{}
                                .add({.type = 'K', .body = link + '\0'})
                                .add({.type = 'L', .body = name + '\0'})
                                .symlink("s", "t")
                                .end());
    CHECK(both.path == name);
    CHECK(both.link == link);
    const auto pax = first(TarWriter{}.pax({{"path", name}, {"linkpath", link}}).symlink("s", "t").end());
    CHECK(pax.path == name);
    CHECK(pax.link == link);
}

TEST_CASE("I22: names are bytes, whatever they look like") {
    const std::string name = GENERATE(as<std::string>{}, "\xff\xfe", "e\xcc\x81", "\xc3\xa9", "new\nline", " ", "\x01",
                                      "-rf *", "F\xc5\x91tan");
    CHECK(first(TarWriter{}.file("d/" + name).end()).path == "d/" + name);
    CHECK(first(TarWriter{}.pax({{"path", "d/" + name}}).file("x").end()).path == "d/" + name);
    CHECK(first(TarWriter{}.pax({{"hdrcharset", "BINARY"}, {"path", "d/" + name}}).file("x").end()).path ==
          "d/" + name);
}

TEST_CASE("pax headers state owner, time, size and attributes, for one entry or from there on") {
    const std::string archive = TarWriter{}
                                    .pax({{"uid", "4000000"}, {"mtime", "7.5"}}, 'g')
                                    .pax({{"gid", "5000000"},
                                          {"size", "4"},
                                          {"SCHILY.xattr.user.a", std::string{"1\0=\n2", 5}},
                                          {"LIBARCHIVE.xattr.user.b%3D", "AP8"},
                                          {"comment", "ignored"}})
                                    .file("one", "body")
                                    .pax({{"mtime", "-1.5"}, {"uid", ""}})
                                    .file("two")
                                    .end();
    const auto [entries, bodies] = read(archive);
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].uid == 4'000'000);
    CHECK(entries[0].gid == 5'000'000);
    CHECK(entries[0].mtime == 7);
    CHECK(entries[0].xattrs == std::vector<std::pair<std::string, std::string>>{{"user.a", std::string{"1\0=\n2", 5}},
                                                                                {"user.b=", std::string{"\0\xff", 2}}});
    CHECK(bodies[0].text == "body");
    CHECK(entries[1].uid == 0);
    CHECK(entries[1].gid == 0);
    CHECK(entries[1].mtime == -2);
    CHECK(entries[1].xattrs.empty());
}

TEST_CASE("numbers may be binary, as GNU tar and star write them") {
    std::string block(512, '\0');
    TarWriter::put(block, 0, 100, "file");
    TarWriter::octal(block, 100, 8, 0644);
    TarWriter::put(block, 108, 8, std::string{"\x80\0\0\0\0\x3d\x09\x00", 8});
    TarWriter::put(block, 136, 12, std::string(11, '\xff') + '\xfe');
    const auto entry = first(TarWriter{}.raw_header(block).end());
    CHECK(entry.uid == 4'000'000);
    CHECK(entry.mtime == -2);
}

TEST_CASE("sparse files of all four formats have their holes and their size") {
    const std::string block(512, 'b');
    const std::string expected =
        std::string(1024, '\0') + block + std::string(476, '\0') + "end" + std::string(9, '\0');
    const std::string stored = block + "end";
    const std::string gnu_extended = [&] {
        std::string extension(512, '\0');
        TarWriter::octal(extension, 0, 12, 2012);
        TarWriter::octal(extension, 12, 12, 3);
        return TarWriter{}
            .raw_header(sparse_header({{1024, 512}}, 2024, stored.size(), true))
            .raw_body(extension)
            .raw_body(stored)
            .end();
    }();
    const std::string map = "2\n1024\n512\n2012\n3\n";
    const std::string archive = GENERATE_COPY(
        as<std::string>{},
        TarWriter{}
            .raw_header(sparse_header({{1024, 512}, {2012, 3}, {2024, 0}}, 2024, stored.size()))
            .raw_body(stored)
            .end(),
        gnu_extended,
        TarWriter{}
            .pax({{"GNU.sparse.size", "2024"},
                  {"GNU.sparse.numblocks", "2"},
                  {"GNU.sparse.offset", "1024"},
                  {"GNU.sparse.numbytes", "512"},
                  {"GNU.sparse.offset", "2012"},
                  {"GNU.sparse.numbytes", "3"}})
            .file("sparse", stored)
            .end(),
        TarWriter{}
            .pax({{"GNU.sparse.size", "2024"}, {"GNU.sparse.map", "1024,512,2012,3"}, {"GNU.sparse.name", "sparse"}})
            .file("GNUSparseFile.1/x", stored)
            .end(),
        TarWriter{}
            .pax({{"GNU.sparse.major", "1"},
                  {"GNU.sparse.minor", "0"},
                  {"GNU.sparse.name", "sparse"},
                  {"GNU.sparse.realsize", "2024"}})
            .file("GNUSparseFile.1/x", map + std::string(512 - map.size(), '\0') + stored)
            .end());
    const std::size_t step = GENERATE(100U, 1U << 20U);
    const auto [entries, bodies] = read(archive, step);
    REQUIRE(entries.size() == 1);
    CHECK(entries[0].path == "sparse");
    CHECK(entries[0].size_bytes == expected.size());
    CHECK(bodies[0].text == expected);
    CHECK(bodies[0].holes == expected.size() - stored.size());
}

TEST_CASE("I21: a path that leads out of the image, or that no file system can hold, is refused") {
    Limits limits;
    limits.max_depth = 4;
    auto [name, message] = GENERATE(table<std::string, std::string>({
        {"../x", "its path leads out of the image by \"..\""},
        {"a/../../x", "its path leads out of the image by \"..\""},
        {"a/..", "its path leads out of the image by \"..\""},
        {"/..", "its path leads out of the image by \"..\""},
        {std::string(256, 'n'), "its path has a name of 256 bytes; at most 255 are possible"},
        {"1/2/3/4/5", "its path is deeper than 4 directories"},
    }));
    CHECK_THROWS_WITH(first(TarWriter{}.pax({{"path", name}}).file("x").end(), limits),
                      "cannot unpack layer x: entry " + shifter::quoted(name) + ": " + message);
    CHECK_THROWS_WITH(first(TarWriter{}.pax({{"linkpath", name}}).hard_link("x", "y").end(), limits),
                      "cannot unpack layer x: entry \"x\": as a hard link to " + shifter::quoted(name) + ", " +
                          message);
}

TEST_CASE("names with dots that lead nowhere else are kept") {
    auto [name, path] = GENERATE(table<std::string, std::string>({{"a..b", "a..b"},
                                                                  {"..a", "..a"},
                                                                  {"...", "..."},
                                                                  {"./a//b/./c", "a/b/c"},
                                                                  {"/etc/passwd", "etc/passwd"},
                                                                  {".hidden", ".hidden"},
                                                                  {std::string(255, 'n'), std::string(255, 'n')}}));
    CHECK(first(TarWriter{}.pax({{"path", name}}).file("x").end()).path == path);
}

TEST_CASE("I23: paths and extended headers have limits on both sides") {
    Limits limits;
    limits.max_path_bytes = 300;
    limits.max_header_bytes = 1000;
    const std::string half(149, 'p');
    CHECK(first(TarWriter{}.pax({{"path", half + "/x" + half}}).file("x").end(), limits).path.size() == 300);
    CHECK_THROWS_WITH(first(TarWriter{}.pax({{"path", half + "/xx" + half}}).file("x").end(), limits),
                      Catch::EndsWith("its path is longer than 300 bytes"));
    CHECK_NOTHROW(first(TarWriter{}.pax({{"comment", std::string(985, 'c')}}).file("x").end(), limits));
    const std::string message = "cannot unpack layer x: an entry has extended headers of more than 1000 bytes";
    CHECK_THROWS_WITH(first(TarWriter{}.pax({{"comment", std::string(987, 'c')}}).file("x").end(), limits), message);
    CHECK_THROWS_WITH(first(TarWriter{}
                                .pax({{"comment", std::string(600, 'c')}})
                                .pax({{"comment", std::string(600, 'c')}})
                                .file("x")
                                .end(),
                            limits),
                      message);
    CHECK_THROWS_WITH(first(TarWriter{}.add({.type = 'L', .body = std::string(1001, 'c')}).file("x").end(), limits),
                      message);
}

TEST_CASE("I24: an archive that is damaged or odd is refused in words") {
    const std::string good = TarWriter{}.file("file", "body").without_end();
    std::string wrong_sum = good;
    wrong_sum[0] = 'F';
    std::string no_number(512, '\0');
    TarWriter::put(no_number, 0, 100, "file");
    TarWriter::put(no_number, 124, 12, "12x");
    const auto sparse = [](const std::string & map) {
        return TarWriter{}.pax({{"GNU.sparse.size", "100"}, {"GNU.sparse.map", map}}).file("s", "0123456789").end();
    };
    auto [archive, message] = GENERATE_COPY(table<std::string, std::string>({
        {"BZh91AY&SY" + std::string(600, 'x'), "there is no tar header where one should be"},
        {wrong_sum, "there is no tar header where one should be"},
        {TarWriter{}.raw_header(no_number).end(), "a number in a tar header is not octal"},
        {good.substr(0, 300), "the tar archive ends too early"},
        {good.substr(0, 600), "the tar archive ends too early"},
        {good + std::string(1024, '\0') + good, "the end of the tar archive is followed by something else"},
        {good + std::string(512, '\0') + good, "the end of the tar archive is followed by something else"},
        {TarWriter{}.pax({{"path", "x"}}).end(), "the tar archive ends after an extended header"},
        {TarWriter{}.add({.type = 'x', .body = "10 path=x"}).file("f").end(), "an extended header is damaged"},
        {TarWriter{}.add({.type = 'x', .body = "99 path=x\n"}).file("f").end(), "an extended header is damaged"},
        {TarWriter{}.add({.type = 'x', .body = "10 pathxx\n"}).file("f").end(), "an extended header is damaged"},
        {TarWriter{}.pax({{"path", std::string{"a\0b", 3}}}).file("f").end(),
         "the extended header \"path\" has a bad value"},
        {TarWriter{}.pax({{"size", "-1"}}).file("f").end(), "the extended header \"size\" has a bad value"},
        {TarWriter{}.pax({{"mtime", "1.x"}}).file("f").end(), "the extended header \"mtime\" has a bad value"},
        {TarWriter{}.pax({{"LIBARCHIVE.xattr.user.a", "?"}}).file("f").end(),
         "the extended header \"LIBARCHIVE.xattr.user.a\" has a bad value"},
        {TarWriter{}.pax({{"GNU.sparse.major", "2"}}).file("f").end(),
         "the extended header \"GNU.sparse.major\" has a bad value"},
        {TarWriter{}.add({.type = 'V', .name = "label"}).end(),
         "entry \"label\": it has the type \"V\", which no layer may hold"},
        {TarWriter{}.add({.type = '2', .name = "s"}).end(), "entry \"s\": it is a symbolic link to nowhere"},
        {TarWriter{}.pax({{"uid", "4294967295"}}).file("f").end(),
         "entry \"f\": it has an owner that is no user or group number"},
        {TarWriter{}.file("f/", "body").end(), "entry \"f/\": it has the name of a directory and the body of a file"},
        {sparse("0,5,3,5"), "entry \"s\": its map of holes is damaged"},
        {sparse("95,10"), "entry \"s\": its map of holes is damaged"},
        {sparse("0,9"), "entry \"s\": its map of holes does not fit its body"},
        {sparse("0"), "the extended header \"GNU.sparse.map\" has a bad value"},
    }));
    CHECK_THROWS_WITH(read(archive), "cannot unpack layer x: " + message);
}

TEST_CASE("an archive may be empty, or end without its zero blocks, but not within an entry") {
    CHECK(read("").entries.empty());
    CHECK(read(std::string(1024, '\0')).entries.empty());
    CHECK(read(std::string(512 * 20, '\0')).entries.empty());
    CHECK(read(TarWriter{}.file("file", "body").without_end()).bodies.at(0).text == "body");
}
