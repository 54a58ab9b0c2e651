#include "request/run_request.hpp"

#include <catch2/catch.hpp>

using namespace shifter;

namespace {

RunRequest full_request() {
    RunRequest request{.image = *ImageId::parse("abc123")};
    request.image_request = "docker:ubuntu:22.04";
    request.volumes = "/a:/b;/c:/d:ro";
    request.modules = "mpich,gpu";
    request.command = {"sh", "-c", "echo 'a b'\n", ""};
    request.entrypoint = {true, "/bin/run"};
    request.workdir = {true, std::nullopt};
    request.writable = {true, "2G"};
    request.current_directory = "/home/me";
    request.environment = {"A=1", "B="};
    request.environment_file = "vars";
    request.clear_environment = true;
    request.verbose = true;
    request.dry_run = true;
    request.timing = true;
    return request;
}

} // namespace

TEST_CASE("a request is read as it was written") {
    const RunRequest request = full_request();
    const auto read = decode(encode(request));
    REQUIRE(read);
    CHECK(*read == request);
    const RunRequest local{.image = LocalImage{"/scratch/tree"}};
    CHECK(decode(encode(local)) == Expected<RunRequest>{local});
}

TEST_CASE("a request that is cut anywhere is refused") {
    const std::string whole = encode(full_request());
    for (std::size_t length = 0; length < whole.size(); ++length) CHECK_FALSE(decode(whole.substr(0, length)));
}

TEST_CASE("a request with a byte too many is refused") { CHECK_FALSE(decode(encode(full_request()) + "x")); }

TEST_CASE("I3: a front end's request is refused unless it has exactly the agreed shape") {
    std::string bytes = encode(full_request());
    SECTION("another magic word") { bytes[0] = 's'; }
    SECTION("another version") { bytes[4] = 1; }
    SECTION("another length") { bytes[8] = static_cast<char>(bytes[8] + 1); }
    SECTION("a flag that is neither 0 nor 1") { bytes.back() = 2; }
    SECTION("an image id that is a path") { bytes.replace(bytes.find("abc123"), 6, "../../"); }
    SECTION("a NUL in a string") { bytes[bytes.find("vars")] = '\0'; }
    SECTION("a string longer than the message") { bytes[bytes.find("vars") - 4] = '\x7f'; }
    CHECK_FALSE(decode(bytes));
}

TEST_CASE("a list that claims more entries than the message can hold allocates nothing and is refused") {
    std::string bytes = encode(full_request());
    const std::size_t count = bytes.find("\4\0\0\0\2\0\0\0sh", 0, 10);
    REQUIRE(count != std::string::npos);
    bytes.replace(count, 4, "\xff\xff\x03\x00", 4);
    const auto read = decode(bytes);
    REQUIRE_FALSE(read);
    CHECK(read.error().what == "a list is longer than the request");
}

TEST_CASE("a local image is an absolute path of the characters that images may have") {
    const char * const path = GENERATE("relative", "", "/with space", "/quote\"");
    CHECK_FALSE(decode(encode(RunRequest{.image = LocalImage{path}})));
}

TEST_CASE("a list has at most 262,144 words (R16)") {
    RunRequest request = full_request();
    request.command.assign(max_request_list, "");
    const auto read = decode(encode(request));
    REQUIRE(read);
    CHECK(read->command.size() == max_request_list);
    request.command.emplace_back();
    CHECK_THROWS_WITH(encode(request), "the request has more than 262144 words in one list");
}

TEST_CASE("a request of 4 MiB is written and read (R16)") {
    RunRequest request = full_request();
    request.command.emplace_back();
    request.command.back().assign(max_request_bytes - encode(request).size(), 'x');
    const std::string bytes = encode(request);
    CHECK(bytes.size() == max_request_bytes);
    CHECK(decode(bytes));
    request.command.back() += 'x';
    CHECK_THROWS_WITH(encode(request), "the request is larger than 4 MiB");
}

TEST_CASE("a request larger than 4 MiB is neither written nor read") {
    RunRequest request = full_request();
    request.command.assign(5, std::string(1U << 20U, 'x'));
    CHECK_THROWS_WITH(encode(request), "the request is larger than 4 MiB");
    CHECK_FALSE(decode("SHRQ" + std::string(max_request_bytes, '\0')));
}
