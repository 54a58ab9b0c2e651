#include "site/volume_map.hpp"

#include <catch2/catch.hpp>

using shifter::ContainerPath;
using shifter::parse_volume_map;
using shifter::Propagation;
using shifter::Volume;
using shifter::volume_signature;
using shifter::VolumeOwner;

namespace {
ContainerPath path(const std::string & text) { return ContainerPath::parse(text).value_or_throw("test"); }
} // namespace

TEST_CASE("I16: a container path is absolute and normal, or refused (H4-3)") {
    auto [text, normal] = GENERATE(table<std::string, std::string>({{"/", "/"},
                                                                    {"///", "/"},
                                                                    {"/.", "/"},
                                                                    {"/data/", "/data"},
                                                                    {"//a/./b//", "/a/b"},
                                                                    {"/a b/é\n", "/a b/é\n"},
                                                                    {"/a..b", "/a..b"},
                                                                    {"/...", "/..."}}));
    INFO(text);
    CHECK(path(text).to_string() == normal);
    CHECK(path(normal) == path(text));
    const std::string bad = GENERATE(as<std::string>{}, "", "a", "./a", "..", "/..", "/a/..", "/a/../b",
                                     std::string("/a\0", 3), "/" + std::string(256, 'x'), std::string(4096, '/'));
    INFO(bad);
    CHECK_FALSE(ContainerPath::parse(bad));
}

TEST_CASE("a path has at most 4,095 bytes, and a name 255 (R16)") {
    CHECK(ContainerPath::parse("/" + std::string(255, 'x')));
    CHECK_FALSE(ContainerPath::parse("/" + std::string(256, 'x')));
    CHECK(ContainerPath::parse("/a" + std::string(4093, '/')));
    CHECK_FALSE(ContainerPath::parse("/a" + std::string(4094, '/')));
}

TEST_CASE("I12: paths are compared by component, never by text prefix (H4-2)") {
    auto [inner, outer, answer] =
        GENERATE(table<std::string, std::string, bool>({{"/a/b", "/a", true},
                                                        {"/a", "/a", true},
                                                        {"/a", "/", true},
                                                        {"/", "/", true},
                                                        {"/", "/a", false},
                                                        {"/ab", "/a", false},
                                                        {"/a", "/a/b", false},
                                                        {"/var/udiMount2", "/var/udiMount", false}}));
    CHECK(path(inner).is_at_or_below(path(outer)) == answer);
    CHECK(path("/a/b").components() == std::vector<std::string_view>{"a", "b"});
    CHECK(path("/").components().empty());
}

TEST_CASE("what users may mount, and where (table and vectors of 4.2)") {
    auto [text, accepted] = GENERATE(table<std::string, bool>({
        {"", true},
        {"/a:/b", true},
        {"/a:/b:ro", true},
        {"/a:/b:RO", true},
        {"/a:/b:rec", false},     // code 2
        {"/a:/b:slave", false},   // code 2
        {"/a:/b:private", false}, // code 2
        {"/a:/b:ro:ro", false},   // code 3
        {"/a:/b:ro,rec", false},  // documentation only
        {"/a:/b:shared", false},  // documentation only
        {"/a:/b:ro=1", false},
        {"/a:/b:", false},
        {"/a:", false},
        {":/b", false},
        {"/a:/etc", false},
        {"/a:/etc/x", false},
        {"/a:/etcetera", true}, // H4-2
        {"/a:/variable", true}, // H4-2
        {"/a:/var", false},
        {"/a:/var/x", false},
        {"/a:/var/tmp", true},
        {"/a:/var/tmp/", true}, // H4-3
        {"/a:/var/tmp/x", false},
        {"/a:/var/tmpx", false},
        {"/a:/opt", false},
        {"/a:/opt/", false},
        {"/a:/opt/x", true},
        {"/a:/opt/udiImage", false},
        {"/a:/opt/udiImage/x", false},
        {"/a:/opt/udiImages", true},
        {"/a:/", false},
        {"/a:/dev", false},     // H4-5
        {"/a:/dev/shm", false}, // H4-5
        {"/a:/proc/1", false},  // H4-5
        {"/a:/sys", false},     // H4-5
        {"/a:/device", true},
        {"a:/b", false},       // code 1
        {"/a:b", false},       // code 1
        {"/a/../b:/c", false}, // code 1
        {"/a..b:/c", false},   // code 1
        {"/a", false},
        {"/a b:/c", false},      // H4-1
        {"/a:/b\\", false},      // H4-1
        {"/a~:/b", false},       // H4-1
        {"/\xc3\xa9:/b", false}, // H4-1
        {" /a:/b ; ; /c:/d;", true},
        {"\"/a:/b\"", true},
        {"\"/a:/b", false},
        {"\"", false},
        {"/a:/b;/c:/b", false},  // H4-12
        {"/a:/b;/c:/b/", false}, // H4-12
        {"/a:/b;/c:/b/d", true},
        {"tmpfs:/x", true},
        {"tmpfs:/x:size=1G", true},
        {"tmpfs:/x:ro:SIZE=1.5g", true},
        {"tmpfs:/x:size=0", false},
        {"tmpfs:/x:size=", false},
        {"tmpfs:/x:size", false},
        {"tmpfs:/x:size=1G:size=1G", false},
        {"tmpfs:/x:perNodeCache=size=1G", false},
        {"tmpfs:/etc", false},
        {"tmpfs", false},
        {"tmpfs:tmpfs", false},
        {"tmpfs/:/x", false},
        {"/a:/b:size=1G", false},
        {"tmpfs:/b;/c:/b", false},
    }));
    INFO(text);
    CHECK(parse_volume_map(text, VolumeOwner::user).has_value() == accepted);
}

TEST_CASE("what sites may mount, and where (table and vectors of 4.2)") {
    auto [text, accepted] = GENERATE(table<std::string, bool>({
        {"/home", true},
        {"/a:/b:ro:rec:slave", true},
        {"/a:/b:rec:private", true},
        {"/a:/b:slave:private", false}, // code 4
        {"/a:/b:private:slave", false}, // code 4
        {"/a:/b:slave:slave", false},   // code 3
        {"/a:/b:rec:REC", false},       // code 3
        {"/x:/var/opt/cray", true},
        {"/x:/etc/opt/cray", true},
        {"/x:/etc", false},
        {"/x:/etc/", false},
        {"/x:/etc/passwd", false},
        {"/x:/etc/group", false},
        {"/x:/etc/nsswitch.conf", false},
        {"/x:/var", false},
        {"/x:/opt", false},
        {"/opt", false},
        {"/opt/x", true},
        {"/", false},
        {"home", false},
        {"/home:ro", false},
        {"/a:/c;/b:/c", true},
        {"tmpfs:/x", false},
    }));
    INFO(text);
    CHECK(parse_volume_map(text, VolumeOwner::site).has_value() == accepted);
}

TEST_CASE("the entries of a map keep their order, their flags and their places (4.1)") {
    const auto volumes = parse_volume_map("/home;\t /global:/gl/ob:REC:Slave; \"/c:/d:ro\"", VolumeOwner::site);
    REQUIRE(volumes);
    CHECK(*volumes == std::vector<Volume>{{path("/home"), path("/home")},
                                          {path("/global"), path("/gl/ob"), false, true, Propagation::slave, {}},
                                          {path("/c"), path("/d"), true, false, Propagation::site_default, {}}});
}

TEST_CASE("perNodeCache needs a size, and knows xfs and loop only (4.3)") {
    const auto volumes =
        parse_volume_map("/any:/cache:pernodecache=SIZE=1.5G,fs=xfs,bs=4k,method=loop", VolumeOwner::user);
    REQUIRE(volumes);
    REQUIRE(volumes->at(0).cache);
    CHECK(*volumes->at(0).cache == shifter::PerNodeCache{1610612736, 4096, "xfs"});
    const std::string bad = GENERATE(as<std::string>{}, "", "=", "=size", "=size=", "=size=0", "=size=-1", "=size=x",
                                     "=bs=1M", "=size=1G,fs=ext4", "=size=1G,method=dd", "=size=1G,size=2G",
                                     "=size=1G,fs=xfs,fstype=xfs", "=size=1G,", "=size=1G,mode=1", "=size=1G,bs=0",
                                     "=size=99999999999E", "=size=1G:perNodeCache=size=1G");
    INFO(bad);
    CHECK_FALSE(parse_volume_map("/any:/cache:perNodeCache" + bad, VolumeOwner::user));
}

TEST_CASE("the signature is sorted, with flags in their order, and parses back (4.5)") {
    auto [text, signature] = GENERATE(table<std::string, std::string>({
        {"/d:/c;/a:/c:RO;/a:/b", "/a:/b;/a:/c:ro;/d:/c"},
        {"", ""},
        {"/home", "/home:/home"},
        {"/a:/b:slave:rec:ro", "/a:/b:ro:rec:slave"},
        {"/a:/b:private:perNodeCache=size=100G",
         "/a:/b:perNodeCache=size=107374182400,bs=1048576,method=loop,fstype=xfs:private"},
    }));
    const auto volumes = parse_volume_map(text, VolumeOwner::site);
    REQUIRE(volumes);
    CHECK(volume_signature(*volumes) == signature);
    const auto again = parse_volume_map(signature, VolumeOwner::site);
    REQUIRE(again);
    CHECK(volume_signature(*again) == signature);
}

TEST_CASE("a tmpfs has its own text in the signature, which reads back") {
    const auto volumes = parse_volume_map("tmpfs:/x/:size=1k:ro;tmpfs:/y", VolumeOwner::user);
    REQUIRE(volumes);
    CHECK(volumes->at(0).tmpfs_bytes == 1024U);
    CHECK(volumes->at(1).tmpfs_bytes == 0U);
    CHECK(shifter::name_of(volumes->at(0)) == "tmpfs:/x");
    CHECK(volume_signature(*volumes) == "tmpfs:/x:ro:size=1024;tmpfs:/y");
    CHECK(parse_volume_map(volume_signature(*volumes), VolumeOwner::user) == volumes);
}

TEST_CASE("a refused volume is named, with the reason and what to do") {
    auto [text, what] = GENERATE(table<std::string, std::string>({
        {"/a:/b;/scratch/me:/etc", "volume \"/scratch/me:/etc\": /etc is set by the site; choose another destination"},
        {"/a:/b:rec",
         "volume \"/a:/b:rec\": the flag rec is for the site's own volumes; users have ro and perNodeCache"},
        {"/a:/b:ro:ro", "volume \"/a:/b:ro:ro\": the flag ro is there twice"},
        {"/a b:/c", "volume \"/a b:/c\": the character \" \" cannot stand in a path of a volume"},
        {"a:/c", "volume \"a:/c\": the path \"a\" does not begin with /"},
        {"/a", "volume \"/a\": it does not say where to mount it; write from:to"},
        {"/a:/b;/c:/b", "volume \"/c:/b\": another volume is mounted on /b already"},
    }));
    const auto volumes = parse_volume_map(text, VolumeOwner::user);
    REQUIRE_FALSE(volumes);
    CHECK(volumes.error().what == what);
}

TEST_CASE("a map has at most a thousand volumes (R16)") {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "/a:/m/" + std::to_string(i) + ";";
    CHECK(parse_volume_map(text, VolumeOwner::user));
    CHECK_FALSE(parse_volume_map(text + "/a:/more", VolumeOwner::user));
}
