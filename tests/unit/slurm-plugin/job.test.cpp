#include "slurm-plugin/job.hpp"

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
