// As root: the store's rules are about owners, and only root can give files away.
#include "site/image_store.hpp"

#include "base/io.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>

using shifter::Identity;
using shifter::ImageId;
using shifter::ImageStore;
using shifter::SiteConfig;
using shifter::test::failure_of;
using shifter::test::is_root;
using shifter::test::ScratchDirectory;

namespace {

constexpr uid_t gateway = 64321;
const Identity caller{1000, 1000, {2000}};
const std::string stem(64, 'a');
const std::string unavailable =
    "image aaaaaaaaaa does not exist, or you may not use it; see shifterimg images, and pull it with shifterimg pull";

/** An imagePath that the account of the gateway owns. */
struct Images {
    Images() {
        scratch.make_directory("images");
        scratch.give("images", gateway);
        site.image_path = scratch.path("images");
        site.gateway_user = std::to_string(gateway);
    }
    void put(const std::string & name, const std::string & content, mode_t mode = 0600, uid_t owner = gateway) const {
        scratch.write("images/" + name, content, mode);
        scratch.give("images/" + name, owner);
    }
    void publish(const std::string & record_lines) const {
        put(stem + ".meta", "FORMAT: squashfs\n" + record_lines);
        put(stem + ".squashfs", "hsqs");
    }
    [[nodiscard]] std::string opening(const Identity & who = caller) const {
        return failure_of([&] { (void)ImageStore{site}.open(*ImageId::parse(stem), who); });
    }
    [[nodiscard]] std::string in_images(const std::string & name) const {
        return "\"" + scratch.path("images/") + name + "\"";
    }

    ScratchDirectory scratch;
    SiteConfig site;
};

} // namespace

TEST_CASE("I17: an image is opened with its record, and its descriptor is the file's") {
    if (!is_root()) return;
    const Images images;
    images.publish("ENV: A=b\nUSERACL: 1000\n");
    const auto image = ImageStore{images.site}.open(*ImageId::parse(stem), caller);
    CHECK(image.record.env == std::vector<std::string>{"A=b"});
    CHECK(shifter::io::read_all(image.file.get(), 100, "the image") == "hsqs");
    CHECK((::fcntl(image.file.get(), F_GETFL) & O_ACCMODE) == O_RDONLY);
    CHECK((::fcntl(image.file.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("I33: an image that is not there and one that is not yours give the same sentence") {
    if (!is_root()) return;
    const Images images;
    CHECK(images.opening() == unavailable);
    const std::string acl =
        GENERATE(as<std::string>{}, "USERACL: 1001\n", "GROUPACL: 1001\n", "USERACL: 2000\nGROUPACL: 999\n");
    images.publish(acl);
    CHECK(images.opening() == unavailable);
    // Also when what a permitted caller would be told differs.
    images.put(stem + ".meta", "FORMAT: xfs\n" + acl);
    CHECK(images.opening() == unavailable);
    REQUIRE(::unlink(images.scratch.path("images/" + stem + ".squashfs").c_str()) == 0);
    CHECK(images.opening() == unavailable);
}

TEST_CASE("the access list admits by uid, gid and supplementary gid (2.7)") {
    if (!is_root()) return;
    const Images images;
    const std::string acl = GENERATE(as<std::string>{}, "", "USERACL: 1000\n", "GROUPACL: 1000\n", "GROUPACL: 2000\n",
                                     "USERACL: 5\nGROUPACL: 2000\n");
    images.publish(acl);
    CHECK(images.opening() == "it worked");
}

TEST_CASE("I34: a record whose access list is damaged opens nothing") {
    if (!is_root()) return;
    const Images images;
    images.publish("USERACL: 1000,\n");
    CHECK(images.opening() ==
          "cannot use image aaaaaaaaaa: line 2 of the image record: USERACL: \"\" is not a numeric id; "
          "write numbers with commas between them");
}

TEST_CASE("I17: links, other kinds of files, and files that others own or can write are refused") {
    if (!is_root()) return;
    const Images images;
    images.publish("");
    const std::string ending = GENERATE(as<std::string>{}, ".meta", ".squashfs");
    const std::string name = stem + ending;
    const std::string path = images.scratch.path("images/" + name);
    const auto trouble = [&](const std::string & why) { return "cannot trust " + images.in_images(name) + ": " + why; };

    REQUIRE(::chmod(path.c_str(), 0660) == 0);
    CHECK(images.opening() == trouble("others can write it; chmod go-w " + path));
    REQUIRE(::chmod(path.c_str(), 0602) == 0);
    CHECK(images.opening() == trouble("others can write it; chmod go-w " + path));
    REQUIRE(::chmod(path.c_str(), 0644) == 0);
    CHECK(images.opening() == "it worked");
    images.scratch.give("images/" + name, 1000);
    CHECK(images.opening() ==
          trouble("it is owned by uid 1000, not by root or the gateway's account; chown it, or set gatewayUser"));
    images.scratch.give("images/" + name, 0);
    CHECK(images.opening() == "it worked");

    REQUIRE(::rename(path.c_str(), (path + ".real").c_str()) == 0);
    images.scratch.link("images/" + name, name + ".real");
    CHECK(images.opening() == trouble("it is a symbolic link"));
    REQUIRE(::unlink(path.c_str()) == 0);
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK(images.opening() == trouble("it is not a regular file"));
    REQUIRE(::unlink(path.c_str()) == 0);
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    CHECK(images.opening() == trouble("it is not a regular file"));
}

TEST_CASE("I17: imagePath itself is trusted with every directory above it, or nothing is opened (H3-6)") {
    if (!is_root()) return;
    const Images images;
    images.publish("");
    REQUIRE(::chmod(images.site.image_path.c_str(), 0775) == 0);
    CHECK(images.opening().find("cannot trust \"" + images.site.image_path + "\": its group can write it") == 0);
    REQUIRE(::chmod(images.site.image_path.c_str(), 0755) == 0);
    REQUIRE(::chmod(images.scratch.path().c_str(), 0777) == 0);
    CHECK(images.opening().find("cannot trust \"" + images.site.image_path + "\": on the way to it, ") == 0);
    REQUIRE(::chmod(images.scratch.path().c_str(), 0755) == 0);
    SiteConfig other = images.site;
    other.gateway_user = "root";
    CHECK(failure_of([&] { (void)ImageStore{other}; }).find("it is owned by uid 64321, not by root") !=
          std::string::npos);
}

TEST_CASE("an image in another format is refused in words, and a missing file is named") {
    if (!is_root()) return;
    const Images images;
    const std::string format = GENERATE(as<std::string>{}, "xfs", "ext4", "cramfs", "VFS");
    images.put(stem + ".meta", "FORMAT: " + format + "\n");
    CHECK(images.opening() == "cannot use image aaaaaaaaaa: it has the format " + format +
                                  ", and only squashfs is mounted; pull or import it again");
    images.put(stem + ".meta", "FORMAT: squashfs\n");
    CHECK(images.opening() == "cannot use image aaaaaaaaaa: its file " + images.in_images(stem + ".squashfs") +
                                  " is missing; pull it again");
}
