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
    const auto config = parse({"shifter_config=/etc/x/udiRoot.conf", "enable_ccm=0", "extern_cgroup=1",
                               "extern_setup=/x", "memory_cgroup=/sys/fs/cgroup/memory", "debug=3"});
    REQUIRE(config);
    CHECK(config->site_config == "/etc/x/udiRoot.conf");
    CHECK(config->notes ==
          std::vector<std::string>{R"("extern_cgroup=1" has no effect in this release)",
                                   R"("extern_setup=/x" has no effect in this release)",
                                   R"("memory_cgroup=/sys/fs/cgroup/memory" has no effect in this release)",
                                   R"("debug=3" is not an argument of this plugin, and is ignored)"});
}

TEST_CASE("a value that its key does not have is refused") {
    const auto [argument, why] = GENERATE(table<const char *, const char *>({
        {"shifter_config=udiRoot.conf", R"("shifter_config=udiRoot.conf": an absolute path is needed)"},
        {"long_options=maybe", R"("long_options=maybe": 0 or 1 is needed)"},
        {"enable_ccm=", R"("enable_ccm=": 0 or 1 is needed)"},
        {"enable_sshd=2x", R"("enable_sshd=2x": 0 or 1 is needed)"},
        {"sshd_port=1023", R"("sshd_port=1023": a port from 1024 to 65535 is needed, or a range like 20000-20999)"},
        {"sshd_port=65536", R"("sshd_port=65536": a port from 1024 to 65535 is needed, or a range like 20000-20999)"},
        {"sshd_port=3000-2000",
         R"("sshd_port=3000-2000": a port from 1024 to 65535 is needed, or a range like 20000-20999)"},
        {"sshd_port=2000-", R"("sshd_port=2000-": a port from 1024 to 65535 is needed, or a range like 20000-20999)"},
        {"sshd_address=", R"("sshd_address=": a host's name or address is needed; %n in it is the node's name)"},
        {"sshd_address=n1 n2",
         R"("sshd_address=n1 n2": a host's name or address is needed; %n in it is the node's name)"},
    }));
    const auto config = parse({"extern_setup=/x", argument});
    REQUIRE_FALSE(config);
    CHECK(config.error() == ParseError{1, why});
}

TEST_CASE("sshd is off by default, has Shifter's port, and listens everywhere") {
    const auto plain = parse({});
    REQUIRE(plain);
    CHECK_FALSE(plain->sshd);
    CHECK(plain->first_sshd_port == 1204);
    CHECK(plain->last_sshd_port == 1204);
    CHECK(plain->sshd_address.empty());
    const auto config = parse({"enable_sshd=1", "sshd_port=1024-65535", "sshd_address=%n-ib0"});
    REQUIRE(config);
    CHECK(config->sshd);
    CHECK(config->first_sshd_port == 1024);
    CHECK(config->last_sshd_port == 65535);
    CHECK(config->sshd_address == "%n-ib0");
    CHECK(config->notes.empty());
}
