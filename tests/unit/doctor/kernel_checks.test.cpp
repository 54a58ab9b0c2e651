#include "doctor/checks.hpp"
#include "doctor/program.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>

using namespace shifter::doctor;

TEST_CASE("a file system is one that the kernel lists by its whole name") {
    const std::string text = "nodev\tsysfs\nnodev\toverlay\n\text4\n\tsquashfs\nnodev\tfuse\nnodev\tfusectl\n";
    CHECK(lists_file_system(text, "squashfs"));
    CHECK(lists_file_system(text, "overlay"));
    CHECK_FALSE(lists_file_system(text, "squash"));
    CHECK_FALSE(lists_file_system(text, "nodev"));
    CHECK_FALSE(lists_file_system("nodev\tfusectl\n", "fuse"));
    CHECK_FALSE(lists_file_system("", "squashfs"));
}

TEST_CASE("a module is one that is built, compressed or not, and not one that another needs") {
    CHECK(lists_module("kernel/fs/squashfs/squashfs.ko: kernel/lib/zstd.ko\n", "squashfs"));
    CHECK(lists_module("kernel/fs/squashfs/squashfs.ko.xz:\n", "squashfs"));
    CHECK(lists_module("kernel/fs/overlayfs/overlay.ko\n", "overlay"));
    CHECK_FALSE(lists_module("kernel/fs/x/x.ko: kernel/fs/overlayfs/overlay.ko\n", "overlay"));
    CHECK_FALSE(lists_module("kernel/fs/fuse/virtiofs.ko: kernel/fs/fuse/fuse.ko\n", "fuse"));
    CHECK_FALSE(lists_module("kernel/fs/my-squashfs.ko:\n", "squashfs"));
}

TEST_CASE("R16: a thousand images are looked at for their codecs, and no more") {
    const shifter::test::ScratchDirectory scratch;
    const auto add = [&](unsigned codec) {
        std::string header(32, '\0');
        header.replace(0, 4, "hsqs");
        header[20] = static_cast<char>(codec & 0xffU);
        header[21] = static_cast<char>(codec >> 8U);
        (void)scratch.write(std::to_string(codec) + ".squashfs", header);
    };
    (void)scratch.write("none.meta", "");
    for (unsigned codec = 1; codec <= 1000; ++codec) add(codec);
    CHECK(codecs_in_use(scratch.path()).size() == 1000);
    add(1001);
    CHECK(codecs_in_use(scratch.path()).size() == 1000);
    CHECK(codecs_in_use("/nonexistent").empty());
}

TEST_CASE("R16: a file of the kernel's has at most 16 MiB") {
    const shifter::test::ScratchDirectory scratch;
    const std::string file = scratch.write("config", "");
    REQUIRE(::truncate(file.c_str(), 16 << 20) == 0);
    CHECK(text_of(file).value_or("").size() == 16U << 20U);
    REQUIRE(::truncate(file.c_str(), (16 << 20) + 1) == 0);
    CHECK_THROWS_WITH(text_of(file), Catch::Contains("has more than 16777216 bytes"));
    CHECK_FALSE(text_of("/nonexistent"));
}

TEST_CASE("R16: a program is given 64 KiB and may answer 1 MiB") {
    CHECK(run({"/bin/cat"}, std::string(65536, 'x')).output.size() == 65536);
    CHECK_THROWS_WITH(run({"/bin/cat"}, std::string(65537, 'x')), "too much input for \"/bin/cat\"");
    const auto answer = [](const char * size) { return run({"/usr/bin/head", "-c", size, "/dev/zero"}); };
    CHECK(answer("1048576").output.size() == 1048576);
    CHECK_THROWS_WITH(answer("1048577"), "the output of \"/usr/bin/head\" has more than 1048576 bytes");
}
