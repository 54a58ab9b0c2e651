#include "doctor/report.hpp"

#include <catch2/catch.hpp>

using namespace shifter::doctor;

TEST_CASE("each check is one line, and each that is not well has one line of advice") {
    const std::vector<Result> results = {
        {"squashfs", well("the kernel has it")},
        {"gateway", fail("http://g cannot be reached: Connection refused", "start it")},
        {"fuse", warn("not there", "modprobe fuse")}};
    CHECK(as_text(results) == "ok       squashfs  the kernel has it\n"
                              "FAILED   gateway   http://g cannot be reached: Connection refused\n"
                              "         -> start it\n"
                              "warning  fuse      not there\n"
                              "         -> modprobe fuse\n"
                              "3 checks: 1 ok, 1 warning, 1 failed\n");
    CHECK(worst(results) == Status::failed);
    CHECK(worst({}) == Status::ok);
}

TEST_CASE("I35: what a check found stays one line, and JSON stays JSON") {
    const std::vector<Result> results = {{"munge", fail("a\nb \"c\" \\", "d\te")}};
    CHECK(as_text(results).find("a\\x0ab") != std::string::npos);
    CHECK(as_json(results) == "{\"status\": \"failed\", \"checks\": [\n"
                              "  {\"name\": \"munge\", \"status\": \"failed\", \"what\": \"a\\u000ab \\\"c\\\" \\\\\", "
                              "\"advice\": \"d\\u0009e\"}\n]}\n");
    CHECK(as_json({{"a", well("x")}, {"b", well("y")}}).find("},\n  {") != std::string::npos);
}
