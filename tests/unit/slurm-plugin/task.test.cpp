#include "slurm-plugin/task.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::slurm_plugin;

namespace {

RunRequest request() { return {.image = ImageId::parse("aaaa1").value_or_throw("an id")}; }

std::optional<std::string> value(const TaskPlan & plan, const std::string & name) {
    for (const Variable & variable : plan.set)
        if (variable.name == name) return variable.value;
    return std::nullopt;
}

} // namespace

TEST_CASE("a task's environment changes by what shifter would change, and by nothing else") {
    ImageRecord image;
    image.env = {"PATH=/image/bin", "LANG=C"};
    SiteConfig site;
    site.environment.set = {{"SHIFTER_RUNTIME", "1"}};
    RunRequest asked = request();
    asked.environment = {"MINE=a=b"};
    const TaskPlan plan = plan_task(asked, image, site, {"PATH=/usr/bin", "LANG=C", "LD_PRELOAD=/x.so", "KEPT=yes"});
    CHECK(value(plan, "PATH") == "/image/bin");
    CHECK(value(plan, "SHIFTER_RUNTIME") == "1");
    CHECK(value(plan, "SHIFTER_IMAGE") == "aaaa1");
    CHECK(value(plan, "MINE") == "a=b");
    CHECK_FALSE(value(plan, "LANG"));
    CHECK_FALSE(value(plan, "KEPT"));
    CHECK(plan.unset == std::vector<std::string>{"LD_PRELOAD"});
    CHECK_FALSE(plan.workdir);
}

TEST_CASE("a task's directory is the one that was asked for") {
    ImageRecord image;
    image.workdir = "/data";
    RunRequest asked = request();
    asked.workdir = {true, std::nullopt};
    CHECK(plan_task(asked, image, {}, {}).workdir == "/data");
    asked.workdir = {true, "/other"};
    CHECK(plan_task(asked, image, {}, {}).workdir == "/other");
    image.workdir.reset();
    asked.workdir = {true, std::nullopt};
    CHECK_THROWS_WITH(plan_task(asked, image, {}, {}), Catch::Contains("no working directory"));
}

TEST_CASE("a module's userhook and an entry point come before the command") {
    SiteConfig site;
    site.modules["gpu"].name = "gpu";
    site.modules["gpu"].user_hook = "/opt/hook";
    ImageRecord image;
    image.entrypoint = {"sh", "-c", "exec \"$@\"", "--"};
    image.cmd = {"not", "asked", "for"};
    RunRequest asked = request();
    CHECK(plan_task(asked, image, site, {}).hooks.empty());
    CHECK(plan_task(asked, image, site, {}).before.empty());
    asked.modules = "gpu";
    asked.entrypoint = {true, std::nullopt};
    const TaskPlan plan = plan_task(asked, image, site, {});
    CHECK(plan.hooks == std::vector<Hook>{{"gpu", "/opt/hook"}});
    CHECK(plan.before == *image.entrypoint);
    CHECK(encode_start(plan, "cat") == "1:13:gpu9:/opt/hook2:sh2:-c9:exec \"$@\"2:--3:cat");
    asked.entrypoint = {true, "env"};
    CHECK(plan_task(asked, image, site, {}).before == std::vector<std::string>{"env"});
    image.entrypoint.reset();
    asked.entrypoint = {true, std::nullopt};
    CHECK_THROWS_WITH(plan_task(asked, image, site, {}), Catch::Contains("the image has no entry point"));
}

TEST_CASE("a command line that calls shifter is told by its first word") {
    CHECK(calls_shifter("shifter"));
    CHECK(calls_shifter("/usr/bin/shifter"));
    CHECK_FALSE(calls_shifter("shifterimg"));
    CHECK_FALSE(calls_shifter("./my-shifter"));
    CHECK_FALSE(calls_shifter(nullptr));
}
