#include "privileged/readback.hpp"

#include "base/unique_fd.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>
#include <sys/sysmacros.h>

using shifter::privileged::refuse_mount_line;
using shifter::privileged::verify_mounts;
using shifter::test::failure_of;
using shifter::test::ScratchDirectory;
using shifter::UniqueFd;

namespace {
const dev_t image = makedev(7, 3);
}

TEST_CASE("I13: every mount must be nosuid, nodev but for /dev, /proc and /sys, and read-only if it is the image's") {
    const auto [line, why] = GENERATE(table<const char *, const char *>({
        {"80 70 0:30 / / ro,nosuid,nodev,relatime - tmpfs none rw", ""},
        {"81 80 0:6 / /dev rw,nosuid,relatime - devtmpfs devtmpfs rw", ""},
        {"82 81 0:24 / /dev/pts rw,nosuid - devpts devpts rw", ""},
        {"83 80 7:3 /usr /usr ro,nosuid,nodev - squashfs /dev/loop3 ro", ""},
        {"83 80 7:3 /usr /usr rw,nosuid,nodev - squashfs /dev/loop3 ro",
         "the mount at \"/usr\" is of the image, and not read-only"},
        {"84 80 254:0 /home /home rw,nodev,relatime - ext4 /dev/vda rw", "the mount at \"/home\" is not nosuid"},
        {"84 80 254:0 /home /home rw,nosuid,relatime - ext4 /dev/vda rw,nodev", "the mount at \"/home\" is not nodev"},
        {"84 80 254:0 /x /device rw,nosuid - ext4 /dev/vda rw", "the mount at \"/device\" is not nodev"},
        {"84 80 254:0 /x /data rw,nosuidx,nodev - ext4 /dev/vda rw", "the mount at \"/data\" is not nosuid"},
        {"84 80", "a line of mountinfo is not whole"},
    }));
    CHECK(refuse_mount_line(line, image).value_or("") == why);
}

TEST_CASE("R16: mounts are read back up to 64 MiB of mountinfo, and more are not believed (I13)") {
    constexpr std::size_t limit = 64U << 20U;
    constexpr std::size_t line_size = 1U << 20U;
    const ScratchDirectory scratch; // stands for /proc/self
    const UniqueFd process{::open(scratch.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    std::string line = "83 80 7:3 / /x ro,nosuid,nodev - squashfs /dev/loop3 ro\n";
    line.insert(line.find("/x") + 1, line_size - line.size(), 'x');
    std::string all;
    while (all.size() < limit) all += line;
    (void)scratch.write("mountinfo", all);
    CHECK(failure_of([&] { verify_mounts(process.get(), image); }) == "it worked");
    (void)scratch.write("mountinfo", all + "\n");
    CHECK(failure_of([&] { verify_mounts(process.get(), image); }) ==
          "the container's mounts has more than 67108864 bytes");
}

TEST_CASE("a root without mounts, or with one that is not as it should be, is refused (I13)") {
    const ScratchDirectory scratch;
    const UniqueFd process{::open(scratch.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    const std::string good = "80 70 0:30 / / ro,nosuid,nodev - tmpfs none rw\n";
    const auto refusal_of = [&](const std::string & text) {
        (void)scratch.write("mountinfo", text);
        return failure_of([&] { verify_mounts(process.get(), image); });
    };
    const std::string refused = "the container's root is not as it should be: ";
    CHECK(refusal_of("") == refused + "it has no mounts");
    CHECK(refusal_of(good) == refused + "it has no mounts");
    CHECK(refusal_of(good + good) == "it worked");
    CHECK(refusal_of(good + "81 80 0:5 / /x ro,nodev - tmpfs none rw\n") ==
          refused + "the mount at \"/x\" is not nosuid");
}
