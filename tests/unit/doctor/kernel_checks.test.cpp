#include "doctor/checks.hpp"

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
