#include "slurm-plugin/step.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace shifter::slurm_plugin;

namespace {

using Variables = std::vector<Variable>;

Variables in(const std::map<std::string, std::string> & environment, const StepOptions & options = {}) {
    const auto find = [&](const std::string & name) -> std::optional<std::string> {
        const auto found = environment.find(name);
        return found == environment.end() ? std::nullopt : std::optional{found->second};
    };
    return step_variables(find, options);
}

} // namespace

TEST_CASE("a step without an image gets no variable") { CHECK(in({{"HOME", "/"}}).empty()); }

TEST_CASE("a step gets what the submission fixed, whatever was typed") {
    CHECK(in({{"SLURM_SPANK_SHIFTER_IMAGE", "8f3a"},
              {"SLURM_SPANK_SHIFTER_IMAGETYPE", "id"},
              {"SLURM_SPANK_SHIFTER_IMAGEREQUEST", "app:1"},
              {"SLURM_SPANK_SHIFTER_VOLUME", "/a:/b"},
              {"SLURM_SPANK_SHIFTER_MODULE", "none"}},
             {.image = "docker:app:1", .volumes = "/c:/d", .modules = "gpu"}) ==
          Variables{{"SHIFTER_IMAGE", "8f3a"},
                    {"SHIFTER_IMAGETYPE", "id"},
                    {"SHIFTER_IMAGEREQUEST", "app:1"},
                    {"SHIFTER_VOLUME", "/a:/b"},
                    {"SHIFTER_MODULE", "none"}});
}

TEST_CASE("variables that a step has already stay, type and tag of an image together") {
    CHECK(in({{"SLURM_SPANK_SHIFTER_IMAGE", "8f3a"},
              {"SLURM_SPANK_SHIFTER_IMAGETYPE", "id"},
              {"SHIFTER_IMAGE", "ubuntu"},
              {"SHIFTER_IMAGETYPE", "docker"}})
              .empty());
    CHECK(
        in({{"SLURM_SPANK_SHIFTER_IMAGE", "8f3a"}, {"SLURM_SPANK_SHIFTER_IMAGETYPE", "id"}, {"SHIFTER_IMAGE", "x"}}) ==
        Variables{{"SHIFTER_IMAGE", "8f3a"}, {"SHIFTER_IMAGETYPE", "id"}});
}

TEST_CASE("options that no plugin saw at submission are passed on as they are") {
    CHECK(in({}, {.image = "docker:app:1", .volumes = "/a:/b", .modules = std::nullopt}) ==
          Variables{{"SHIFTER_IMAGE", "app:1"},
                    {"SHIFTER_IMAGETYPE", "docker"},
                    {"SHIFTER_IMAGEREQUEST", "app:1"},
                    {"SHIFTER_VOLUME", "/a:/b"}});
}

TEST_CASE("I38: an image option that cannot be parsed gives nothing") {
    const auto * const text = GENERATE("app:1", "docker:", "docker:a b", "id:\n", "");
    CHECK(in({}, {.image = text, .volumes = std::nullopt, .modules = std::nullopt}).empty());
}
