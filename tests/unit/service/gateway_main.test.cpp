#include "service/gateway_main.hpp"
#include "base/installed_paths.hpp"
#include "unit/catalog/samples.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <unistd.h>

using namespace shifter::service;

namespace {

struct Outcome {
    int status;
    std::string out;
    std::string err;
};

Outcome run(std::vector<std::string> words) {
    ::unsetenv("GWCONFIG");
    words.insert(words.begin(), "shifter-gateway");
    std::vector<char *> args;
    for (std::string & word : words) args.push_back(word.data());
    std::ostringstream out;
    std::ostringstream err;
    const int status = gateway_main(args, out, err);
    return {status, out.str(), err.str()};
}

} // namespace

TEST_CASE("the option --help and --version work before any configuration is read") {
    const Outcome help = run({"--config", "/nonexistent", "--help"});
    CHECK(help.status == 0);
    CHECK(help.out.find("See shifter-gateway(8).\n") != std::string::npos);
    CHECK(help.err.empty());
    CHECK(run({"--version"}).out == std::string{"shifter-gateway "} + shifter::installed::version + "\n");
}

TEST_CASE("what keeps the service from starting is one line") {
    const shifter::catalog::samples::Folder folder;
    const std::string path = folder / "c.json";
    std::ofstream{path} << R"({"CacheDirectory":")" << (folder / "cache")
                        << R"(","Platforms":{"a":{"local":{"imageDir":"/i"}}}})";
    CHECK(run({"--config", "/nonexistent"}).err ==
          "shifter-gateway: cannot open the configuration \"/nonexistent\": No such file or directory\n");
    CHECK(run({"--config"}).err == "shifter-gateway: --config needs an argument; see --help\n");
    CHECK(run({"--frob"}).err == "shifter-gateway: no option \"--frob\"; see --help\n");
    CHECK(run({"--dry-run"}).err == "shifter-gateway: --dry-run goes with --import-mongo; see --help\n");
    CHECK(run({"--role=both-of-them"}).err ==
          "shifter-gateway: --role is api, worker or both, not \"both-of-them\"; see --help\n");
    CHECK(run({"--config", path, "--role=worker"}).err ==
          "shifter-gateway: --role=api and --role=worker need a catalog that gateways can share; set Database to "
          "postgresql://… in \"" +
              path + "\"\n");
    CHECK(run({"start"}).err == "shifter-gateway: \"start\" is one word too many; see --help\n");
    const Outcome checked = run({"--config", path, "--check-config"});
    CHECK(checked.status == 0);
    CHECK(checked.out == path + ": usable\n");
    const Outcome named = run({"--config", "/nonexistent", "--check-config", path});
    CHECK(named.out == path + ": usable\n");
    CHECK(run({"--check-config", path, path}).err ==
          "shifter-gateway: \"" + path + "\" is one word too many; see --help\n");
    if (::geteuid() == 0) {
        const Outcome as_root = run({"--config", path});
        CHECK(as_root.status == 1);
        CHECK(as_root.err.rfind("shifter-gateway: cannot run as root: ", 0) == 0);
        CHECK_FALSE(std::filesystem::exists(folder / "cache"));
    }
}

TEST_CASE("GWCONFIG is read before --config (7.9)") {
    const shifter::catalog::samples::Folder folder;
    ::setenv("GWCONFIG", (folder / "gw.json").c_str(), 1);
    std::vector<std::string> words = {"shifter-gateway", "--config", folder / "other.json"};
    std::vector<char *> args;
    for (std::string & word : words) args.push_back(word.data());
    std::ostringstream out;
    std::ostringstream err;
    CHECK(gateway_main(args, out, err) == 1);
    CHECK(err.str() == "shifter-gateway: cannot open the configuration \"" + (folder / "gw.json") +
                           "\": No such file or directory\n");
    ::unsetenv("GWCONFIG");
}

TEST_CASE("the check tells every problem at once, a key without effect among them, and starts nothing (I37)") {
    const shifter::catalog::samples::Folder folder;
    const std::string path = folder / "c.json";
    std::ofstream{path}
        << "{\"CacheDirectory\":\"/c\",\n\"WorkerThread\":3,\n\"PullUpdateTimeout\":\"soon\",\n\"Platforms\":{}}";
    const Outcome checked = run({"--check-config", path});
    CHECK(checked.status == 1);
    CHECK(checked.out.empty());
    CHECK_THAT(checked.err, Catch::Contains("shifter-gateway: warning: " + path + ":2: WorkerThread: ") &&
                                Catch::Contains("WorkerThreads") &&
                                Catch::Contains("shifter-gateway: " + path + ":3: PullUpdateTimeout: ") &&
                                Catch::Contains("shifter-gateway: " + path + ":4: Platforms: names no system\n"));
}
