#include "site/image_record.hpp"

#include <catch2/catch.hpp>

using shifter::Acl;
using shifter::format_image_record;
using shifter::ImageFormat;
using shifter::ImageRecord;
using shifter::parse_image_record;

namespace {

using Words = std::vector<std::string>;
const std::string format_line = "FORMAT: squashfs\n";

ImageRecord record_of(const std::string & lines) {
    const auto record = parse_image_record(format_line + lines);
    INFO(lines);
    if (!record) INFO(record.error().what);
    REQUIRE(record);
    return *record;
}

} // namespace

TEST_CASE("a record has at most 16 MiB, to be read and to be written (R16)") {
    constexpr std::size_t limit = std::size_t{16} << 20U;
    std::string text = format_line + "ENV: A=";
    text += std::string(limit - text.size() - 1, 'x') + "\n";
    const auto largest = parse_image_record(text);
    REQUIRE(largest);
    CHECK(format_image_record(*largest).value_or_throw("test") == text);
    const auto larger = parse_image_record(text + "\n");
    REQUIRE_FALSE(larger);
    CHECK(larger.error().what == "the image record has more than 16 MiB");
    auto record = *largest;
    record.env.back() += 'x';
    const auto written = format_image_record(record);
    REQUIRE_FALSE(written);
    CHECK(written.error().what == "the image's entry point, command and environment have more than 16 MiB");
}

TEST_CASE("a record of a deployed gateway is read (2.6)") {
    const auto record =
        parse_image_record("FORMAT: squashfs\nENTRY: ['/bin/run', '-x']\nCMD: [u'/bin/sh']\nWORKDIR: /work\n"
                           "USERACL: 1000,1001\nGROUPACL: 100\nENV: PATH=/bin:/usr/bin\nENV: A=b=c\nENV: EMPTY=\n"
                           "VOLUME: /data\nVOLUME: /more\nUSER: nobody\n");
    REQUIRE(record);
    CHECK(*record == ImageRecord{ImageFormat::squashfs, Words{"/bin/run", "-x"}, Words{"/bin/sh"}, "/work",
                                 Words{"PATH=/bin:/usr/bin", "A=b=c", "EMPTY="}, Acl{{1000, 1001}, {100}}, ""});
}

TEST_CASE("formats have their names, and anything else is an invalid image (2.6)") {
    auto [name, format] = GENERATE(table<std::string, ImageFormat>({{"squashfs", ImageFormat::squashfs},
                                                                    {"xfs", ImageFormat::xfs},
                                                                    {"ext4", ImageFormat::ext4},
                                                                    {"cramfs", ImageFormat::cramfs},
                                                                    {"VFS", ImageFormat::vfs}}));
    const auto record = parse_image_record("FORMAT:" + name);
    REQUIRE(record);
    CHECK(record->format == format);
    CHECK(shifter::to_string(format) == name);
    const std::string bad = GENERATE(as<std::string>{}, "", "\n", "ENV: A=b\n", "FORMAT:\n", "FORMAT: vfs\n",
                                     "FORMAT: ../x\n", "FORMAT: squashfs xfs\n", "format: squashfs\n",
                                     "FORMAT: squashfs\nFORMAT: squashfs\n", "FORMAT: squashfs\nFORMAT: xfs\n");
    INFO(bad);
    CHECK_FALSE(parse_image_record(bad));
}

TEST_CASE("lists are Python literals or JSON, with escapes, plain text is one word (H2-6)") {
    auto [text, words] = GENERATE(table<std::string, Words>({
        {"['/bin/run', '-x']", {"/bin/run", "-x"}},
        {"[u'/bin/run']", {"/bin/run"}},
        {R"(["a","b"])", {"a", "b"}},
        {R"(['a', "it's", 'b'])", {"a", "it's", "b"}},
        {R"(['say "x"'])", {R"(say "x")"}},
        {R"(['a\\b', 'c\'d', 'e\n'])", {"a\\b", "c'd", "e\n"}},
        {R"(["tab\t", "\u00e9", "\ud83d\ude00", "\/"])", {"tab\t", "é", "😀", "/"}},
        {R"([u'\xe9', '\u20ac', '\U0001f600', '\101'])", {"é", "€", "😀", "A"}},
        {"['é']", {"é"}},
        {"[]", {}},
        {"[ ]", {}},
        {"['a',]", {"a"}},
        {"['']", {""}},
        {"/bin/sh", {"/bin/sh"}},
        {"/bin/sh -c x", {"/bin/sh -c x"}},
        {"'quoted'", {"'quoted'"}},
    }));
    INFO(text);
    CHECK(record_of("ENTRY: " + text + "\n").entrypoint == words);
    CHECK(record_of("CMD:" + text + "\r\n").cmd == words);
}

TEST_CASE("a list that is no list of strings refuses the record (I18)") {
    const std::string bad =
        GENERATE(as<std::string>{}, "[", "['a'", "['a", "['a' 'b']", "['a', 'b'] x", "[1]", "[None]", "[['a']]",
                 R"(['\x'])", R"(['\x00'])", R"(["\u0000"])", R"(["\ud800"])", R"(["\udc00"])", R"(['\U00110000'])",
                 R"(['\N{DASH}'])", R"(['\8'])", R"(['a\)", "[,]", "['a',,'b']", "[u]", "[-x /a ]");
    INFO(bad);
    CHECK_FALSE(parse_image_record(format_line + "ENTRY: " + bad + "\n"));
}

TEST_CASE("I34: a record with a damaged access list is refused, and never public (H2-8)") {
    const std::string bad =
        GENERATE(as<std::string>{}, "USERACL:", "USERACL: ", "USERACL: x", "USERACL: 1000,", "USERACL: 1000 1001",
                 "USERACL: 1000;1001", "USERACL 1000", "USERA", "GROUPACL:", "GROUPACL: -1", "GROUPACL: 4294967295",
                 "USERACL: 1000\nUSERACL: 1001", "GROUPACL: 1\nGROUPACL: 1", "UserACL: 1000", "ACL: 1000",
                 "USERACLS: 1000", "1000,1001", "USERACL: [1000]");
    INFO(bad);
    CHECK_FALSE(parse_image_record(format_line + bad));
    CHECK_FALSE(parse_image_record(format_line + bad + "\n"));
    CHECK_FALSE(parse_image_record(format_line + bad + "\r\nENV: A=b\n"));
}

TEST_CASE("unknown keys, comments and blank lines give nothing (H2-9)") {
    CHECK(record_of("NEWKEY: x\nNEWKEY: y\n\n  \n# a note\n#: x\n: y\nenv: A=b\n") == record_of(""));
}

TEST_CASE("a value that ends in a backslash leaves the next line alone (H2-7)") {
    const auto record = record_of("ENV: A=b\\\nENV: C=d\nWORKDIR: /w\\\nUSERACL: 7\n");
    CHECK(record.env == Words{"A=b\\", "C=d"});
    CHECK(record.acl.users == std::vector<uid_t>{7});
}

TEST_CASE("lines of a megabyte are read (H2-10), and records beyond 16 MiB are refused") {
    const std::string value(std::size_t{2} << 20U, 'v');
    CHECK(record_of("ENV: BIG=" + value + "\n").env == Words{"BIG=" + value});
    CHECK(parse_image_record(format_line + std::string((std::size_t{16} << 20U) - format_line.size(), '\n')));
    CHECK_FALSE(parse_image_record(format_line + std::string((std::size_t{16} << 20U) - format_line.size() + 1, '\n')));
    CHECK_FALSE(parse_image_record(format_line + std::string(std::size_t{16} << 20U, '\n')));
    CHECK_FALSE(parse_image_record(format_line + std::string("ENV: A=\0b\n", 10)));
}

TEST_CASE("a record is written as deployed runtimes read it (2.6)") {
    const ImageRecord record{ImageFormat::squashfs, Words{"/bin/run", "-x"},  Words{"é"},   "/work",
                             Words{"B=1", "A="},    Acl{{1000, 1001}, {100}}, "linux/amd64"};
    CHECK(format_image_record(record) ==
          std::string{"FORMAT: squashfs\nENTRY: ['/bin/run', '-x']\nCMD: ['é']\nWORKDIR: /work\nUSERACL: 1000,1001\n"
                      "GROUPACL: 100\nENV: B=1\nENV: A=\n#PLATFORM: linux/amd64\n"});
    CHECK(parse_image_record(*format_image_record(record)) == record);
}

TEST_CASE("words that need an escape are written as JSON (H2-6)") {
    ImageRecord record;
    record.cmd = Words{"it's", "a\nb", "c\\", "\"\x7f"};
    CHECK(format_image_record(record) ==
          std::string{"FORMAT: squashfs\nCMD: [\"it's\", \"a\\u000ab\", \"c\\\\\", \"\\\"\\u007f\"]\n"});
    CHECK(parse_image_record(*format_image_record(record)) == record);
}

TEST_CASE("I18: no text of an image adds, ends or changes a field of its record (H2-7)") {
    const std::string nasty =
        GENERATE(as<std::string>{}, "A=1\nUSERACL: 0", "A=1\nFORMAT: xfs", "A=1\rENV: B=2", "A=ends with\\", "A=blank ",
                 " A=b", "A=\n", "A=\\\n#", "A=\x01\x7f", "A=\xff\xfe", "A=\"q\"", "A=\t");
    ImageRecord record;
    record.acl.users = {1000};
    record.env = {"FIRST=1", nasty, "LAST=2"};
    record.entrypoint = Words{nasty, nasty};
    record.cmd = Words{};
    const auto text = format_image_record(record);
    INFO(nasty);
    REQUIRE(text);
    CHECK(parse_image_record(*text) == record);
    // A deployed runtime joins lines at a backslash, and must not be told of a second access list either.
    CHECK(text->find("\\\n") == std::string::npos);
    CHECK(text->find("\nUSERACL: 0") == std::string::npos);
}

TEST_CASE("what no record can hold is refused by its writer (H2-7)") {
    const auto refused = [](const auto & change) {
        ImageRecord record;
        change(record);
        return !format_image_record(record).has_value();
    };
    CHECK(refused([](ImageRecord & r) { r.env = {std::string("A=\0", 3)}; }));
    CHECK(refused([](ImageRecord & r) { r.env = {"NOVALUE"}; }));
    CHECK(refused([](ImageRecord & r) { r.env = {"=value"}; }));
    CHECK(refused([](ImageRecord & r) { r.cmd = Words{std::string("\0", 1)}; }));
    CHECK(refused([](ImageRecord & r) { r.entrypoint = Words{std::string("\0", 1)}; }));
    CHECK(refused([](ImageRecord & r) { r.workdir = "/a\nUSERACL: 0"; }));
    CHECK(refused([](ImageRecord & r) { r.workdir = "/a\\"; }));
    CHECK(refused([](ImageRecord & r) { r.workdir = "/a "; }));
    CHECK(refused([](ImageRecord & r) { r.platform = "linux\nUSERACL: 0"; }));
    CHECK(refused([](ImageRecord & r) { r.acl.users = {static_cast<uid_t>(-1)}; }));
    CHECK(refused([](ImageRecord & r) { r.env = {"A=" + std::string(std::size_t{16} << 20U, 'x')}; }));
}

TEST_CASE("a refused record says which line, and what is wrong with it") {
    auto [text, what] = GENERATE(table<std::string, std::string>({
        {"FORMAT: zip\n", "line 1 of the image record: FORMAT: \"zip\" is not a known image format"},
        {"FORMAT: xfs\nUSERACL: 10,x\n",
         "line 2 of the image record: USERACL: \"x\" is not a numeric id; write numbers with commas between them"},
        {"FORMAT: xfs\nENTRY: ['a\n",
         "line 2 of the image record: ENTRY: it is not a list of strings: a string does not end"},
        {"FORMAT: xfs\nCMD: a\nCMD: b", "line 3 of the image record: CMD is there twice"},
        {"ENV: A=b\n", "the image record has no FORMAT"},
    }));
    const auto record = parse_image_record(text);
    REQUIRE_FALSE(record);
    CHECK(record.error().what == what);
}
