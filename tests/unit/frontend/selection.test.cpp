#include "frontend/selection.hpp"

#include <catch2/catch.hpp>
#include <map>

using namespace shifter;

namespace {

using Environment = std::map<std::string, std::string>;

Expected<frontend::Selection> select(const Environment & environment, const frontend::Options & options) {
    const auto variables = [&](const std::string & name) -> std::optional<std::string> {
        const auto entry = environment.find(name);
        return entry != environment.end() ? std::optional{entry->second} : std::nullopt;
    };
    return frontend::select(options, variables, ImageType::docker);
}

frontend::Options image_option(const char * image) {
    frontend::Options options;
    if (*image != '\0') options.image = image;
    return options;
}

} // namespace

TEST_CASE("the image is chosen by the vectors of contract 1.2") {
    const auto [environment, option, selected, request] =
        GENERATE(table<Environment, const char *, const char *, const char *>({
            {{}, "ubuntu:22.04", "docker:ubuntu:22.04", "ubuntu:22.04"},
            {{{"SHIFTER_IMAGETYPE", "id"}, {"SHIFTER_IMAGE", "abc"}}, "", "id:abc", ""},
            {{{"SHIFTER_IMAGETYPE", "id"}, {"SLURM_SPANK_SHIFTER_IMAGE", "abc"}}, "", "id:abc", ""},
            {{{"SHIFTER_IMAGEREQUEST", "docker:a:1"}, {"SHIFTER_IMAGETYPE", "id"}, {"SHIFTER_IMAGE", "f00"}},
             "",
             "id:f00",
             "docker:a:1"},
            {{{"SHIFTER_IMAGEREQUEST", "docker:a:1"}, {"SHIFTER_IMAGETYPE", "id"}, {"SHIFTER_IMAGE", "f00"}},
             "docker:b:2",
             "docker:b:2",
             "docker:b:2"},
            {{{"SHIFTER_IMAGEREQUEST", "docker:a:1"}, {"SHIFTER_IMAGE", "f00"}}, "", "docker:a:1", "docker:a:1"},
            {{{"SLURM_SPANK_SHIFTER_IMAGEREQUEST", "custom:g/i:1"}, {"SHIFTER_IMAGETYPE", ""}, {"SHIFTER_IMAGE", "x"}},
             "",
             "custom:g/i:1",
             "custom:g/i:1"},
            {{{"SHIFTER_IMAGETYPE", "id"}, {"SHIFTER_IMAGE", "a"}, {"SLURM_SPANK_SHIFTER_IMAGE", "b"}}, "", "id:a", ""},
        }));
    const auto selection = select(environment, image_option(option));
    REQUIRE(selection);
    CHECK(selection->image.to_string() == selected);
    CHECK(selection->image_request == request);
}

TEST_CASE("half a pair of variables selects nothing") {
    const Environment environment =
        GENERATE(Environment{}, Environment{{"SHIFTER_IMAGE", "abc"}}, Environment{{"SHIFTER_IMAGETYPE", "id"}},
                 Environment{{"SHIFTER_IMAGEREQUEST", "docker:"}});
    const auto selection = select(environment, {});
    REQUIRE_FALSE(selection);
    CHECK(selection.error().what ==
          "no image specified or specified incorrectly; name one with --image=docker:name:tag");
}

TEST_CASE("I16: an image name with other characters is refused, and the variables are named (H1-10, H2-1)") {
    CHECK(
        select({}, image_option("docker:this is *odd*")).error().what ==
        "cannot use the image \"docker:this is *odd*\" of --image: the character \" \" cannot stand in an image name");
    CHECK(select({{"SHIFTER_IMAGETYPE", "squash"}, {"SLURM_SPANK_SHIFTER_IMAGE", "a"}}, {}).error().what ==
          "cannot use the image \"squash:a\" of SHIFTER_IMAGETYPE and SLURM_SPANK_SHIFTER_IMAGE: \"squash\" is not an "
          "image type (docker, custom, id, local)");
}

TEST_CASE("volumes of the options replace those of the environment") {
    frontend::Options options = image_option("a");
    const Environment environment = {{"SHIFTER_VOLUME", "/a:/b"}, {"SLURM_SPANK_SHIFTER_VOLUME", "/s:/p"}};
    CHECK(select(environment, options)->volumes == "/a:/b");
    options.volumes = "/c:/d;/e:/f";
    CHECK(select(environment, options)->volumes == "/c:/d;/e:/f");
}

TEST_CASE("I12: a volume text is the same whether it comes by option, by environment or by batch option") {
    const std::string text = "/a:/etcetera";
    frontend::Options by_option = image_option("a");
    by_option.volumes = text;
    CHECK(select({}, by_option)->volumes == select({{"SHIFTER_VOLUME", text}}, image_option("a"))->volumes);
    CHECK(select({}, by_option)->volumes == select({{"SLURM_SPANK_SHIFTER_VOLUME", text}}, image_option("a"))->volumes);
}

TEST_CASE("a module list of the user replaces the site's, an empty one, too") {
    frontend::Options options = image_option("a");
    CHECK_FALSE(select({}, options)->modules.has_value());
    CHECK(select({{"SHIFTER_MODULE", ""}}, options)->modules == "");
    options.modules = "none";
    CHECK(select({{"SLURM_SPANK_SHIFTER_MODULE", "gpu"}}, options)->modules == "none");
}
