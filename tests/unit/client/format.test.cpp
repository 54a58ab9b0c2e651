#include "client/format.hpp"
#include "unit/client/client_under_test.hpp"

#include <catch2/catch.hpp>

using namespace shifter::client;

TEST_CASE("a line of images is the contract's, byte for byte (9.3)") {
    ImageInfo image{.system = "alpha",
                    .type = "docker",
                    .status = "READY",
                    .id = "8d1f0c6b1e2233",
                    .status_message = "",
                    .tags = {"ubuntu:22.04"},
                    .last_pull = 1733047200.75};
    CHECK(image_lines({image}) ==
          "alpha      docker     READY    8d1f0c6b1e   2024-12-01T10:00:00 ubuntu:22.04                  \n");
    CHECK(image_lines({}).empty());
}

TEST_CASE("images have a line for each tag, sorted bytewise, an image without tags has none") {
    const ImageInfo a{
        .system = "s", .type = "docker", .status = "READY", .id = "aa", .status_message = "", .tags = {"b:1", "B:1"}};
    const ImageInfo b{
        .system = "s", .type = "custom", .status = "READY", .id = "bb", .status_message = "", .tags = {"a/b:1"}};
    const ImageInfo c{.system = "s", .type = "docker", .status = "READY", .id = "cc", .status_message = "", .tags = {}};
    const std::string lines = image_lines({a, b, c});
    CHECK(std::count(lines.begin(), lines.end(), '\n') == 3);
    CHECK(lines.find(" B:1 ") < lines.find(" a/b:1 "));
    CHECK(lines.find(" a/b:1 ") < lines.find(" b:1 "));
    CHECK(lines.find("cc") == std::string::npos);
}

TEST_CASE("long values widen their column, and the columns stay apart") {
    const ImageInfo image{.system = "averylongsystem",
                          .type = "docker",
                          .status = "READY",
                          .id = "",
                          .status_message = "",
                          .tags = {std::string(40, 't')},
                          .last_pull = 0};
    CHECK(image_lines({image}) ==
          "averylongsystem docker     READY       1970-01-01T00:00:00 " + std::string(40, 't') + "\n");
}

TEST_CASE("a long line has the contract's columns first, and then size, owner and digest") {
    ImageInfo image{.system = "alpha",
                    .type = "docker",
                    .status = "READY",
                    .id = "8d1f0c6b1e2233",
                    .status_message = "",
                    .tags = {"u:1"},
                    .last_pull = 1733047200};
    image.size_bytes = 29'360'128;
    image.owner = 1001;
    image.digest = "sha256:ab";
    const auto name = [](std::uint32_t) { return std::string{"ann"}; };
    CHECK(long_image_lines({image}, name) == "alpha      docker     READY    8d1f0c6b1e   2024-12-01T10:00:00 "
                                             "u:1                            28.0MiB   ann          sha256:ab\n");
    image.owner.reset();
    image.digest.clear();
    CHECK(long_image_lines({image}, name).find(" 28.0MiB   -            -\n") != std::string::npos);
}

TEST_CASE("sizes are for people, and digests short") {
    CHECK(human_size(0) == "0.0KiB");
    CHECK(human_size(1536) == "1.5KiB");
    CHECK(human_size(std::uint64_t{5} << 40U) == "5.0TiB");
    CHECK(short_digest("sha256:0123456789abcdef") == "0123456789ab");
    CHECK(short_digest("short") == "short");
}

TEST_CASE("a pattern is a glob, or a word that may stand anywhere") {
    CHECK(matches("ubuntu", "library/ubuntu:22.04"));
    CHECK(matches("ubuntu:*", "ubuntu:22.04"));
    CHECK_FALSE(matches("ubuntu:*", "library/ubuntu:22.04"));
    CHECK(matches("*/ubuntu:2?.04", "library/ubuntu:22.04"));
    CHECK_FALSE(matches("debian", "ubuntu:22.04"));
}

TEST_CASE("the state of a status line is its sixth word (9.3)") {
    const std::string line = status_line(std::chrono::system_clock::time_point{std::chrono::seconds{1733047200}},
                                         "docker:ubuntu:22.04", "PENDING");
    CHECK(line == "2024-12-01T10:00:00 Pulling Image: docker:ubuntu:22.04, status: PENDING");
}

TEST_CASE("which states are under way") {
    for (const char * state :
         {"MISSING", "INIT", "PENDING", "PULLING", "EXAMINATION", "CONVERSION", "TRANSFER", "HASHING"})
        CHECK(is_under_way(state));
    for (const char * state : {"READY", "FAILURE", "EXPIRED", "", "ready", "WHATEVER"})
        CHECK_FALSE(is_under_way(state));
}

TEST_CASE("progress in words, as far as it is known") {
    constexpr std::uint64_t mib = 1U << 20U;
    CHECK(progress_words(5, 0, 100).empty());
    CHECK(progress_words(0, 10 * mib, 0) == "  0.0 of 10.0 MiB");
    CHECK(progress_words(5 * mib, 10 * mib, 2.0 * mib) == "  5.0 of 10.0 MiB, 2.0 MiB/s, 0:03 left");
    CHECK(progress_words(20 * mib, 10 * mib, 2.0 * mib) == "  10.0 of 10.0 MiB");
    CHECK(progress_words(1, 1'000'000 * mib, 1) == "  0.0 of 1000000.0 MiB, 0.0 MiB/s");
}

TEST_CASE("a time that is none does not break a line") {
    CHECK(local_time(1e300) == "1970-01-01T00:00:00");
    CHECK(local_time(-1) == "1969-12-31T23:59:59");
}
