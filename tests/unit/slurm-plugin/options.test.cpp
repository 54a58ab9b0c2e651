#include "slurm-plugin/options.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::slurm_plugin;

namespace {

SiteConfig site() {
    SiteConfig config;
    config.default_image_type = ImageType::docker;
    config.modules["gpu"].name = "gpu";
    return config;
}

std::optional<std::string> take(Options & options, Option option, std::string_view value,
                                Origin origin = Origin::command) {
    return options.take(option, value, origin, site());
}

} // namespace

TEST_CASE("values that cannot be meant are refused with a sentence that says why") {
    const auto [option, value, sentence] = GENERATE(table<Option, const char *, const char *>({
        {Option::image, "", "--image needs a value, as in --image=VALUE"},
        {Option::image, "-n1", "--image needs a value, as in --image=VALUE"},
        {Option::image, "my app", R"(cannot use image "my app": the character " " cannot stand in an image name)"},
        {Option::image, "id:../x",
         R"(cannot use image "id:../x": an image id has only the digits 0-9 and a-f, not ".")"},
        {Option::image, "local:/", R"(cannot use image "local:/": this site does not offer images of type local)"},
        {Option::volume, "/a:/etc",
         R"(cannot use volume "/a:/etc": /etc is set by the site; choose another destination)"},
        {Option::ccm, "", "--ccm is not offered here: this release has no cluster compatibility mode"},
    }));
    Options options;
    CHECK(take(options, option, value) == sentence);
    CHECK_FALSE(options.image().value);
}

TEST_CASE("a module that the site does not have is refused by name") {
    Options options;
    CHECK(take(options, Option::module, "gpu") == std::nullopt);
    const auto why = take(options, Option::module, "gpu,cuda");
    REQUIRE(why);
    CHECK(why->substr(0, 48) == R"(cannot use --module: there is no module "cuda"; )");
    CHECK(options.modules().value == "gpu");
}

TEST_CASE("the last --image counts, and repeated --volume add up (H10-3)") {
    Options options;
    for (const char * const image : {"app:1", "custom:app", "id:8f3a"})
        CHECK(take(options, Option::image, image) == std::nullopt);
    for (const char * const volume : {"/a:/b", "/c:/d:ro;/e:/f"})
        CHECK(take(options, Option::volume, volume) == std::nullopt);
    CHECK(options.image().value->to_string() == "id:8f3a");
    CHECK(options.volumes().value == "/a:/b;/c:/d:ro;/e:/f");
}

TEST_CASE("two --volume for one destination are refused") {
    Options options;
    CHECK(take(options, Option::volume, "/a:/b") == std::nullopt);
    CHECK(take(options, Option::volume, "/c:/b").has_value());
    CHECK(options.volumes().value == "/a:/b");
}

TEST_CASE("the command line replaces what a step inherits, volumes included (contract 1.2)") {
    Options options;
    CHECK(take(options, Option::image, "id:aa", Origin::environment) == std::nullopt);
    CHECK(take(options, Option::volume, "/a:/b", Origin::environment) == std::nullopt);
    CHECK(options.image().origin == Origin::environment);
    CHECK(take(options, Option::volume, "/c:/d") == std::nullopt);
    CHECK(options.volumes().value == "/c:/d");
    CHECK(options.image().value->tag == "aa");
}

TEST_CASE("volumes without an image are refused when all options are known") {
    Options options;
    CHECK(options.refuse_combination(false) == std::nullopt);
    CHECK(take(options, Option::volume, "/a:/b") == std::nullopt);
    CHECK(options.refuse_combination(false) == "--volume needs an image: add --image=NAME");
    CHECK(take(options, Option::image, "app") == std::nullopt);
    CHECK(options.refuse_combination(false) == std::nullopt);
}

TEST_CASE("the components of a heterogeneous job may differ in their image, and in nothing else") {
    Options options;
    CHECK(take(options, Option::image, "app:1") == std::nullopt);
    CHECK(take(options, Option::volume, "/a:/b") == std::nullopt);
    options.end_component();

    SECTION("a component that names nothing has it") {}
    SECTION("a component may name the same again") {
        CHECK(take(options, Option::image, "app:1") == std::nullopt);
        CHECK(take(options, Option::volume, "/a:/b") == std::nullopt);
    }
    SECTION("what the first component left in the environment says nothing new") {
        CHECK(take(options, Option::image, "id:77", Origin::environment) == std::nullopt);
    }
    CHECK(options.refuse_combination(true) == std::nullopt);
    CHECK(take(options, Option::image, "app:2") == std::nullopt);
    CHECK(options.refuse_combination(false) == std::nullopt);
    CHECK(options.refuse_combination(true)->find("srun --het-group=N --image=NAME") != std::string::npos);
    CHECK(take(options, Option::volume, "/a:/c") == std::nullopt);
    CHECK(options.refuse_combination(false)->find("differ in --image alone") != std::string::npos);
}
