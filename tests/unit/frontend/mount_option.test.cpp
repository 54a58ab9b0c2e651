#include "frontend/mount_option.hpp"
#include "frontend/options.hpp"

#include <catch2/catch.hpp>

using shifter::frontend::parse_options;
using shifter::frontend::volume_of_mount_option;

TEST_CASE("a mount in docker's syntax is one entry of a volume map") {
    const auto [text, entry] = GENERATE(table<std::string, std::string>({
        {"type=bind,src=/a,dst=/b", "/a:/b"},
        {"type=bind,source=/a,destination=/b", "/a:/b"},
        {"type=bind,source=/a,target=/b", "/a:/b"},
        {"TYPE=bind,Src=/a,DST=/b", "/a:/b"},
        {"dst=/b,ro,src=/a,type=bind", "/a:/b:ro"},
        {"type=bind,src=/a,dst=/b,readonly", "/a:/b:ro"},
        {"type=bind,src=/a,dst=/b,readonly=true", "/a:/b:ro"},
        {"type=bind,src=/a,dst=/b,ro=1", "/a:/b:ro"},
        {"type=bind,src=/a,dst=/b,ro=false", "/a:/b"},
        {"type=bind,src=/a,dst=/b,readonly=0", "/a:/b"},
        {"type=bind,src=/a,dst=/b,bind-propagation=rprivate", "/a:/b"},
        {"type=tmpfs,dst=/x", "tmpfs:/x"},
        {"type=tmpfs,target=/x,size=1G", "tmpfs:/x:size=1G"},
        {"type=tmpfs,dst=/x,tmpfs-size=64m,ro", "tmpfs:/x:ro:size=64m"},
    }));
    INFO(text);
    CHECK(volume_of_mount_option(text) == shifter::Expected<std::string>{entry});
}

TEST_CASE("I16: a mount is taken as it stands or refused, with the reason") {
    const auto [text, what] = GENERATE(table<std::string, std::string>({
        {"", "there is no key \"\"; keys are type, source, destination, readonly, size and bind-propagation"},
        {"type=bind,src=/a,dst=/b,consistency=cached",
         "there is no key \"consistency\"; keys are type, source, destination, readonly, size and bind-propagation"},
        {"src=/a,dst=/b", "it needs type=bind or type=tmpfs"},
        {"type=volume,src=v,dst=/b", "the type is bind or tmpfs here, not \"volume\""},
        {"type=bind,src=/a", "it needs a destination, as in dst=/data"},
        {"type=bind,dst=/a", "it needs a source, as in src=/home/me/data"},
        {"type=bind,src=/a,src=/c,dst=/b", "the source is there twice"},
        {"type=bind,src=/a,dst=/b,target=/c", "the destination is there twice"},
        {"type=bind,src,dst=/b", "src needs a value, as in src=VALUE"},
        {"type=bind,src=/a,dst=/b,size=1G", "only a tmpfs has a size"},
        {"type=bind,src=/a,dst=/b,ro=yes", "readonly is true or false, not \"yes\""},
        {"type=bind,src=/a,dst=/b,bind-propagation=shared",
         "mounts of users are private, so bind-propagation cannot be \"shared\""},
        {"type=bind,src=tmpfs,dst=/b", "the path \"tmpfs\" does not begin with /"},
        {"type=bind,src=/a:/etc,dst=/b", "the character \":\" cannot stand in \"/a:/etc\""},
        {"type=bind,src=/a;/c:/d,dst=/b", "the character \";\" cannot stand in \"/a;/c:/d\""},
        {"type=bind,src=/a,dst=/b ", "the character \" \" cannot stand in \"/b \""},
        {"type=bind,src=/a~,dst=/b", "the character \"~\" cannot stand in a path of a volume"},
        {"type=bind,src=/a,dst=/etc", "/etc is set by the site; choose another destination"},
        {"type=tmpfs,src=/a,dst=/x", "a tmpfs has no source"},
        {"type=tmpfs,dst=/dev/shm", "/dev is set by the site; choose another destination"},
        {"type=tmpfs,dst=/x,size=0", "\"size=0\" is not a size above 0; write for example size=1G"},
        {"type=tmpfs,dst=/x,size=1G:ro", "the character \":\" cannot stand in \"1G:ro\""},
    }));
    INFO(text);
    const auto entry = volume_of_mount_option(text);
    REQUIRE_FALSE(entry);
    CHECK(entry.error().what == what);
}

TEST_CASE("mounts and volumes are one list in the order of the command line") {
    const auto options =
        parse_options({"--mount", "type=bind,src=/a,dst=/b,ro", "-V", "/c:/d", "--mount=type=tmpfs,dst=/e"});
    REQUIRE(options);
    CHECK(options->volumes == "/a:/b:ro;/c:/d;tmpfs:/e");
    const auto refused = parse_options({"--mount", "type=npipe"});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what == "cannot use --mount \"type=npipe\": the type is bind or tmpfs here, not \"npipe\"");
}

TEST_CASE("a writable root is asked for with a size or without") {
    CHECK(parse_options({"--writable"})->writable == shifter::OptionalChoice{true, std::nullopt});
    CHECK(parse_options({"--writable=2G", "cmd"})->writable == shifter::OptionalChoice{true, "2G"});
    CHECK(parse_options({"--writable", "2G"})->command == std::vector<std::string>{"2G"});
    CHECK_FALSE(parse_options({"x"})->writable.given);
}

TEST_CASE("abbreviations that were there before --mount and --writable mean what they meant (H1-2)") {
    CHECK(parse_options({"--m", "gpu"})->modules == "gpu");
    CHECK(parse_options({"--mo=gpu"})->modules == "gpu");
    CHECK(parse_options({"--mod=gpu"})->modules == "gpu");
    CHECK(parse_options({"--w=/x"})->workdir.value == "/x");
    CHECK(parse_options({"--wo"})->workdir.given);
    CHECK(parse_options({"--wr"})->writable.given);
    CHECK(parse_options({"--mou=type=tmpfs,dst=/e"})->volumes == "tmpfs:/e");
}
