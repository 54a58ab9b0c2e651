#include "slurm-plugin/plugin_config.hpp"

#include "base/installed_paths.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace shifter;
using namespace shifter::slurm_plugin;

namespace {

Expected<PluginConfig> parse(const std::vector<const char *> & arguments) { return parse_plugin_arguments(arguments); }

} // namespace

TEST_CASE("without arguments the plugin reads the installed configuration and registers short names") {
    const auto config = parse({});
    REQUIRE(config);
    CHECK(config->site_config == installed::site_config);
    CHECK_FALSE(config->long_options);
    CHECK(config->notes.empty());
}

TEST_CASE("long_options is a word or a switch, in any case") {
    const auto [argument, on] = GENERATE(table<const char *, bool>(
        {{"long_options", true}, {"LONG_OPTIONS=1", true}, {"long_options=yes", true}, {"long_options=0", false}}));
    const auto config = parse({argument});
    REQUIRE(config);
    CHECK(config->long_options == on);
}

TEST_CASE("arguments of deployed plugins are accepted, and those without effect are named") {
    const auto config = parse({"shifter_config=/etc/x/udiRoot.conf", "enable_ccm=0", "enable_sshd=1", "extern_setup=/x",
                               "memory_cgroup=/sys/fs/cgroup/memory", "debug=3"});
    REQUIRE(config);
    CHECK(config->site_config == "/etc/x/udiRoot.conf");
    CHECK(config->notes ==
          std::vector<std::string>{R"("enable_sshd=1" has no effect in this release)",
                                   R"("extern_setup=/x" has no effect in this release)",
                                   R"("memory_cgroup=/sys/fs/cgroup/memory" has no effect in this release)",
                                   R"("debug=3" is not an argument of this plugin, and is ignored)"});
}

TEST_CASE("a value that its key does not have is refused") {
    const auto [argument, why] = GENERATE(table<const char *, const char *>({
        {"shifter_config=udiRoot.conf", R"("shifter_config=udiRoot.conf": an absolute path is needed)"},
        {"long_options=maybe", R"("long_options=maybe": 0 or 1 is needed)"},
        {"enable_ccm=", R"("enable_ccm=": 0 or 1 is needed)"},
    }));
    const auto config = parse({"extern_setup=/x", argument});
    REQUIRE_FALSE(config);
    CHECK(config.error() == ParseError{1, why});
}
