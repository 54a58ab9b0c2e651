#include "processes/report.hpp"

#include <catch2/catch.hpp>

using namespace shifter::processes;

namespace {

std::vector<Container> one() {
    const std::chrono::system_clock::time_point since{std::chrono::seconds{1700000000}};
    return {{1, "42", "alice", "a\"b\n", "0123456789abcdef", since, {{7, "sh", since}, {8, "app", since}}}};
}

} // namespace

TEST_CASE("containers are a table with one line each") {
    CHECK(to_table(one()) == "JOB  USER   IMAGE    ID            SINCE                 PROCESSES\n"
                             "42   alice  a\"b\\x0a  0123456789ab  2023-11-14T22:13:20Z  2: sh app\n");
    CHECK(to_table({}) == "JOB  USER  IMAGE  ID  SINCE  PROCESSES\n");
}

TEST_CASE("three processes of a container are shown in a line (R16)") {
    auto containers = one();
    const auto since = containers[0].since;
    containers[0].processes.push_back({9, "third", since});
    CHECK(to_table(containers).find("  3: sh app third\n") != std::string::npos);
    containers[0].processes.push_back({10, "fourth", since});
    CHECK(to_table(containers).find("  4: sh app third ...\n") != std::string::npos);
}

TEST_CASE("containers are JSON whatever their names hold") {
    CHECK(to_json(one()) ==
          "[\n {\"job\": \"42\", \"user\": \"alice\", \"image\": \"a\\\"b\\u000a\", \"id\": \"0123456789abcdef\", "
          "\"since\": \"2023-11-14T22:13:20Z\", \"processes\": [{\"pid\": 7, \"command\": \"sh\", "
          "\"since\": \"2023-11-14T22:13:20Z\"}, {\"pid\": 8, \"command\": \"app\", \"since\": "
          "\"2023-11-14T22:13:20Z\"}]}\n]\n");
    CHECK(to_json({}) == "[]\n");
}
