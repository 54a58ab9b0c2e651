#include "slurm-plugin/job.hpp"

#include "base/platform.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace shifter;
using namespace shifter::slurm_plugin;

namespace {

using Variables = std::map<std::string, std::string>;

Environment lookup(const Variables & variables) {
    return [variables](const std::string & name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional{found->second};
    };
}

std::optional<RunRequest> request(const Variables & variables, const Variables & own = {}) {
    return container_request(lookup(variables), lookup(own));
}

} // namespace

TEST_CASE("a job's variables name its container") {
    const auto found = request({{"SHIFTER_IMAGE", "aaaa1"},
                                {"SHIFTER_IMAGETYPE", "id"},
                                {"SHIFTER_IMAGEREQUEST", "app:1"},
                                {"SHIFTER_VOLUME", "/a:/b"},
                                {"SHIFTER_MODULE", "gpu"}},
                               {{"SHIFTER_WORKDIR", ""}, {"SHIFTER_ENTRYPOINT", "run"}, {"SHIFTER_ENV", "A=1\nB="}});
    REQUIRE(found);
    CHECK(std::get<ImageId>(found->image).to_string() == "aaaa1");
    CHECK(found->image_request == "app:1");
    CHECK(found->volumes == "/a:/b");
    CHECK(found->modules == "gpu");
    CHECK(found->entrypoint == OptionalChoice{true, "run"});
    CHECK(found->workdir == OptionalChoice{true, std::nullopt});
    CHECK(found->environment == std::vector<std::string>{"A=1", "B="});
}

TEST_CASE("variables without an image name no container") {
    const auto variables =
        GENERATE(Variables{}, Variables{{"SHIFTER_IMAGE", "aaaa1"}}, Variables{{"SHIFTER_IMAGETYPE", "id"}},
                 Variables{{"SHIFTER_IMAGE", ""}, {"SHIFTER_IMAGETYPE", "id"}});
    CHECK_FALSE(request(variables));
}

TEST_CASE("I38: text that a user put into a job's variables is parsed, and refused in words") {
    const auto [type, tag, why] = GENERATE(table<const char *, const char *, const char *>({
        {"id", "../../etc/passwd", "cannot use the image of this job"},
        {"nothing", "x", "cannot use the image of this job"},
        {"docker", "app:1", "it was not looked up when the job was submitted"},
        {"local", "relative", "it was not looked up when the job was submitted"},
    }));
    CHECK_THROWS_WITH(request({{"SHIFTER_IMAGE", tag}, {"SHIFTER_IMAGETYPE", type}}), Catch::Contains(why));
}

TEST_CASE("a job's image is on each node that of its platform, and a node without one says so") {
    const std::string own = "linux/s390x=5390,linux/riscv64=7264," + Platform::of_this_machine().to_string() + "=aaaa1";
    const Variables variables = {
        {"SHIFTER_IMAGE", "5390"}, {"SHIFTER_IMAGETYPE", "id"}, {"SHIFTER_IMAGEREQUEST", "app:1"}};
    const auto found = request(variables, {{"SHIFTER_PLATFORM_IMAGES", own}});
    REQUIRE(found);
    CHECK(std::get<ImageId>(found->image).to_string() == "aaaa1");
    CHECK_THROWS_WITH(
        request(variables, {{"SHIFTER_PLATFORM_IMAGES", "linux/s390x=5390"}}),
        Catch::StartsWith("the image app:1 of this job is there for linux/s390x, and this node is linux/"));
    CHECK_THROWS_WITH(request(variables, {{"SHIFTER_PLATFORM_IMAGES", "linux/s390x=../x"}}),
                      Catch::StartsWith("cannot use the images of this job: "));
}

TEST_CASE("a step's variables name the image of its node, and never one that the job was not given") {
    const std::string images = "linux/s390x=5390," + Platform::of_this_machine().to_string() + "=aaaa1";
    const auto image_in = [&](const std::string & tag, const std::string & type = "id") {
        const auto variable = image_of_this_node(lookup(
            {{"SHIFTER_IMAGE", tag}, {"SHIFTER_IMAGETYPE", type}, {"SLURM_SPANK_SHIFTER_PLATFORM_IMAGES", images}}));
        return variable ? variable->value : "";
    };
    CHECK(image_in("5390") == "aaaa1");
    CHECK(image_in("aaaa1") == "aaaa1");
    CHECK(image_in("bbbb2") == "bbbb2");
    CHECK(image_in("/opt", "local").empty());
    CHECK_FALSE(image_of_this_node(lookup({{"SHIFTER_IMAGE", "5390"}, {"SHIFTER_IMAGETYPE", "id"}})));
}

TEST_CASE("the first component's image is known on any platform") {
    const Environment step = lookup({{"SLURM_SPANK_SHIFTER_PLATFORM_IMAGES", "linux/386=77c1,linux/amd64=8f3a"}});
    CHECK(is_image_of_first_component("id:77c1", {ImageType::id, "77c1"}, step));
    CHECK(is_image_of_first_component("id:77c1", {ImageType::id, "8f3a"}, step));
    CHECK_FALSE(is_image_of_first_component("id:77c1", {ImageType::id, "abcd"}, step));
    CHECK_FALSE(is_image_of_first_component("id:77c1", {ImageType::id, "8f3a"}, lookup({})));
}
