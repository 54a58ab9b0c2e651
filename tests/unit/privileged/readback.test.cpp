#include "privileged/readback.hpp"

#include <catch2/catch.hpp>
#include <sys/sysmacros.h>

using shifter::privileged::refuse_mount_line;

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
