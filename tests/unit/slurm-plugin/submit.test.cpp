#include "slurm-plugin/submit.hpp"

#include "base/error.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace shifter;
using namespace shifter::slurm_plugin;

namespace {

/** A udiRootPath whose bin/shifterimg is a script of the test's. */
class StandIn {
public:
    explicit StandIn(const std::string & script) {
        std::string name = (std::filesystem::temp_directory_path() / "slurm-plugin-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        site.udi_root_path = name;
        std::filesystem::create_directory(name + "/bin");
        const std::string program = name + "/bin/shifterimg";
        std::ofstream{program} << "#!/bin/sh\n" << script << '\n';
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    }
    StandIn(const StandIn &) = delete;
    StandIn & operator=(const StandIn &) = delete;
    ~StandIn() { std::filesystem::remove_all(site.udi_root_path); }

    SiteConfig site;
};

const ImageRequest app{ImageType::docker, "org/app:1"};
const Environment nothing = [](const std::string &) { return std::nullopt; };

} // namespace

TEST_CASE("a lookup gives type and tag to shifterimg as one word, and takes the first line without a colon (2.4)") {
    const StandIn shifterimg{
        R"([ "$#/$1/$2" = "3/lookup/docker:org/app:1" ] || exit 9; echo ENV:x; echo 8f3a; echo 77)"};
    CHECK(look_up(app, shifterimg.site).identifier == "8f3a");
    CHECK(look_up(app, shifterimg.site).on_platforms.empty());
}

TEST_CASE("on a system of several platforms a lookup finds the image on all of them, once") {
    const StandIn shifterimg{
        R"([ "$3" = --platforms ] || exit 9; echo 8f3a; echo linux/386: 77c1; echo linux/amd64: 8f3a)"};
    const Lookup found = look_up(app, shifterimg.site);
    CHECK(found.identifier == "8f3a");
    CHECK(found.on_platforms == "linux/386=77c1,linux/amd64=8f3a");
    const FixedImage fixed = fix_image(app, nothing, [&](const ImageRequest &) { return found; });
    CHECK(image_variables(fixed).back() == Variable{"SHIFTER_PLATFORM_IMAGES", "linux/386=77c1,linux/amd64=8f3a"});
}

TEST_CASE("what shifterimg says is what the user reads") {
    const auto [script, sentence] = GENERATE(table<const char *, const char *>({
        {"echo 'shifterimg: no gateway answers' >&2; exit 1", "no gateway answers"},
        {"echo one >&2; echo >&2; echo two >&2; echo 8f3a; exit 1", "one; two"},
    }));
    const StandIn shifterimg{script};
    CHECK_THROWS_WITH(look_up(app, shifterimg.site), sentence);
    const StandIn talkative{"echo 'shifterimg: the second gateway answered' >&2; echo 8f3a"};
    CHECK(look_up(app, talkative.site).remarks == std::vector<std::string>{"the second gateway answered"});
}

TEST_CASE("an answer that is no identifier is refused, whatever its status (H2-3)") {
    const auto [script, end] = GENERATE(table<const char *, const char *>({
        {"true", " answered without an image identifier"},
        {"echo ../../etc", R"( answered "../../etc", which is no image identifier)"},
        {"exit 3", " ended with status 3"},
        {"kill -9 $$", " ended with signal 9"},
    }));
    const StandIn shifterimg{script};
    CHECK_THROWS_WITH(look_up(app, shifterimg.site), shifterimg.site.udi_root_path + "/bin/shifterimg" + end);
}

TEST_CASE("only types that a gateway resolves are looked up") {
    int lookups = 0;
    const auto find = [&](const ImageRequest &) {
        ++lookups;
        return Lookup{"8f3a"};
    };
    CHECK(fix_image({ImageType::id, "77"}, nothing, find).option_text() == "id:77");
    CHECK(fix_image({ImageType::local, "/opt"}, nothing, find).option_text() == "local:/opt");
    CHECK(lookups == 0);
    CHECK(fix_image(app, nothing, find).option_text() == "id:8f3a");
    CHECK(lookups == 1);
}

TEST_CASE("a job's variables are those of contract 10.4, the request without its type") {
    const auto find = [](const ImageRequest &) { return Lookup{"8f3a"}; };
    CHECK(image_variables(fix_image(app, nothing, find)) ==
          std::vector<Variable>{
              {"SHIFTER_IMAGE", "8f3a"}, {"SHIFTER_IMAGETYPE", "id"}, {"SHIFTER_IMAGEREQUEST", "org/app:1"}});
}

TEST_CASE("a step that inherits an identifier keeps what the user wrote for it, and not what stands beside another") {
    const auto find = [](const ImageRequest &) { return Lookup{}; };
    const Environment job = [](const std::string & name) {
        return std::optional<std::string>{name == "SLURM_SPANK_SHIFTER_IMAGE" ? "8f3a" : "app:1"};
    };
    CHECK(fix_image({ImageType::id, "8f3a"}, job, find).request == "app:1");
    CHECK(fix_image({ImageType::id, "77"}, job, find).request == "77");
}
