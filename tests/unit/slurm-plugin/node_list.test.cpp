#include "slurm-plugin/node_list.hpp"

#include <catch2/catch.hpp>

using namespace shifter::slurm_plugin;

TEST_CASE("Slurm's words for one number a node are read whole, or not at all") {
    const auto [text, counts] = GENERATE(table<std::string, std::optional<std::vector<unsigned>>>({
        {"4", std::vector{4U}},
        {"2,1", std::vector{2U, 1U}},
        {"4(x2),2", std::vector{4U, 4U, 2U}},
        {"", std::nullopt},
        {"4(x0)", std::nullopt},
        {"4(2)", std::nullopt},
        {"4(x2", std::nullopt},
        {"a", std::nullopt},
        {"4,,2", std::nullopt},
        {"1(x9999999999)", std::nullopt},
    }));
    CHECK(parse_counts(text) == counts);
}

TEST_CASE("R16: a job has at most 131,072 nodes") {
    const auto counts = parse_counts("1(x131071),2");
    REQUIRE(counts);
    CHECK(counts->size() == 131072);
    CHECK_FALSE(parse_counts("1(x131073)"));
    CHECK_FALSE(parse_counts("1(x131072),2"));
}

TEST_CASE("R16: the words for setupRoot name nodes and processors, up to the size that the file may have") {
    CHECK(hosts_words({"n1", "n2"}, {4, 2}) == "n1/4 n2/2");
    CHECK(hosts_words({"n1", "n2"}, {4}).empty());
    CHECK(hosts_words({"n1"}, {0}).empty());
    const std::string name(63, 'n');
    CHECK(hosts_words({name}, {max_hosts_file / 64}) == name + "/65536");
    CHECK(hosts_words({name}, {max_hosts_file / 64 + 1}).empty());
}
