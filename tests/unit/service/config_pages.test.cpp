#include "service/gateway_config.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace shifter::service;

/** With SHIFTER_WRITE_PAGES in the environment the pages are written anew instead of compared. */
TEST_CASE("the sample, the reference page and the man page are those that the table of keys gives") {
    auto [file, text] = GENERATE(table<std::string, std::string>({
        {"docs/reference/imagemanager.json.md", gateway_config_reference()},
        {"docs/reference/man/imagemanager.json.5", gateway_config_manual()},
        {"etc/imagemanager.json", sample_gateway_config()},
    }));
    const std::string path = std::string{SHIFTER_SOURCE_DIR} + "/" + file;
    if (std::getenv("SHIFTER_WRITE_PAGES") != nullptr) std::ofstream{path} << text;
    std::ifstream stream{path};
    std::ostringstream found;
    found << stream.rdbuf();
    INFO(file << "; write it anew: SHIFTER_WRITE_PAGES=1 unit_service");
    CHECK(found.str() == text);
}

TEST_CASE("the sample configuration is read without a problem") {
    const auto parsed = parse_gateway_config(sample_gateway_config(), "sample");
    for (const auto & problem : parsed.problems) INFO(problem.what);
    CHECK(parsed.problems.empty());
}
