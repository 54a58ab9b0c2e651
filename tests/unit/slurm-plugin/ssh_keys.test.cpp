#include "slurm-plugin/ssh_keys.hpp"

#include "base/error.hpp"
#include "slurm-plugin/counted_strings.hpp"
#include "slurm-plugin/ssh_daemon.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::slurm_plugin;

TEST_CASE("I38: keys are taken from the job's own user alone, whatever his name looks like") {
    const auto [answer, taken] = GENERATE(table<std::string, bool>({
        {"UID:             alice (1000)\n\nkeys", true},
        {"UID:             1000\n\nkeys", true},
        {"UID:             odd (77) (1000)\n\nkeys", true},
        {"UID:             bob (1001)\n\nkeys", false},
        {"UID:             odd (1000) (77)\n\nkeys", false},
        {"UID:             (1000\n\nkeys", false},
        {"UID:             alice (1000)\nkeys", false},
        {"UID:             alice (1000)", false},
        {"GID:             alice (1000)\n\nkeys", false},
        {"", false},
        {")\n\n", false},
    }));
    if (taken)
        CHECK(checked_payload(answer, 1000) == "keys");
    else
        CHECK_THROWS_AS(checked_payload(answer, 1000), Error);
}

TEST_CASE("keys keep their lines on the way") { CHECK(checked_payload("UID: 5\n\na\n\nb\n", 5) == "a\n\nb\n"); }

TEST_CASE("the port of a job is in the site's range, and the same on all nodes") {
    CHECK(port_of_job(7, 1204, 1204) == 1204);
    CHECK(port_of_job(0, 20000, 20999) == 20000);
    CHECK(port_of_job(999, 20000, 20999) == 20999);
    CHECK(port_of_job(1000, 20000, 20999) == 20000);
}

TEST_CASE("strings with their lengths come back as they were, and nothing else is taken for such") {
    const std::vector<std::string> strings = {"", "a:b", "1:2:", std::string("\0\n", 2)};
    CHECK(decode_strings(encode_strings(strings)) == strings);
    CHECK(decode_strings("") == std::vector<std::string>{});
    const auto text = GENERATE(as<std::string>{}, "1", ":", "x:a", "2:a", "-1:a", "123456789:a", "1:a2");
    CHECK_FALSE(decode_strings(text));
}
