// Most of this needs root, which alone can give files away; without it, the parts that are left are run.
#include "site/trusted_file.hpp"

#include "site/account.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>

using shifter::TrustedFile;
using shifter::test::failure_of;
using shifter::test::is_root;
using shifter::test::ScratchDirectory;
using Kind = TrustedFile::Kind;

namespace {

constexpr uid_t gateway = 64321;
constexpr uid_t stranger = 64322;

std::string opening(const std::string & path, TrustedFile::Rules rules = {}) {
    return failure_of([&] { (void)TrustedFile::open(path, rules); });
}

/** As a launch does it. */
struct Remembering {
    explicit Remembering(bool wanted) {
        if (wanted) TrustedFile::remember_directories();
    }
    ~Remembering() { TrustedFile::forget_directories(); }
};

std::string not_trusted(const std::string & path, const std::string & why) {
    return "cannot trust \"" + path + "\": " + why;
}

std::string on_the_way(const std::string & path, const std::string & component, const std::string & why) {
    return not_trusted(path, "on the way to it, \"" + component + "\": " + why);
}

} // namespace

TEST_CASE("a file of root's in a directory of root's is trusted, and read through the checked descriptor (I37)") {
    const auto file = TrustedFile::open("/etc/passwd");
    CHECK(file.path() == "/etc/passwd");
    CHECK(file.read(1U << 24U).find("root:") != std::string::npos);
    CHECK(file.read(1U << 24U).find("root:") != std::string::npos); // again from the beginning
    CHECK(failure_of([&] { (void)file.read(3); }) == "\"/etc/passwd\" has more than 3 bytes");
    CHECK((::fcntl(file.fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a path that is not absolute, or not there, is not opened") {
    CHECK(opening("etc/passwd") == not_trusted("etc/passwd", "it is not an absolute path"));
    CHECK(opening("") == not_trusted("", "it is not an absolute path"));
    CHECK(opening("/etc/no-such-file") == "cannot open \"/etc/no-such-file\": No such file or directory");
    CHECK(opening("/etc/passwd/x") == "cannot open \"/etc/passwd\": Not a directory");
    CHECK(opening("/etc/passwd/") == "cannot open \"/etc/passwd\": Not a directory");
    CHECK(opening(std::string("/etc/passwd\0x", 13)) == "cannot trust \"/etc/passwd\\x00x\": it holds a NUL");
    CHECK_FALSE(TrustedFile::open_if_present("/etc/no-such-file", {}));
    CHECK_FALSE(TrustedFile::open_if_present("/etc/no-such-directory/x", {}));
}

TEST_CASE("the kind of file is part of the trust") {
    CHECK(opening("/etc") == not_trusted("/etc", "it is a directory"));
    CHECK(opening("/etc/passwd", {.kind = Kind::directory}) == not_trusted("/etc/passwd", "it is not a directory"));
    CHECK(opening("/dev/null") == not_trusted("/dev/null", "it is not a regular file"));
    CHECK(opening("/etc/passwd", {.kind = Kind::executable}) ==
          not_trusted("/etc/passwd", "it is not executable; chmod a+x /etc/passwd"));
    CHECK(opening("/", {.kind = Kind::directory}) == "it worked");
    CHECK(opening("//etc/.//", {.kind = Kind::directory}) == "it worked");
}

TEST_CASE("I37: a file that others can write is refused, with the way to mend it") {
    const ScratchDirectory scratch;
    const std::string file = scratch.write("conf", "x");
    if (!is_root()) {
        CHECK(opening(file).find("cannot trust") == 0); // below /tmp, and not root's
        return;
    }
    CHECK(opening(file) == "it worked");
    auto [mode, who] = GENERATE(table<mode_t, std::string>(
        {{0664, "its group"}, {0646, "everybody"}, {0622, "everybody"}, {0020, "its group"}}));
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    std::array<char, 8> octal{};
    std::snprintf(octal.data(), octal.size(), "%04o", mode);
    CHECK(opening(file) == not_trusted(file, who + " can write it (mode " + octal.data() + "); chmod go-w " + file));
    REQUIRE(::chmod(file.c_str(), 0600) == 0);
    CHECK(opening(file) == "it worked");
    scratch.give("conf", stranger);
    CHECK(opening(file) == not_trusted(file, "it is owned by uid 64322, not by root; chown root " + file));
}

TEST_CASE("I37: every directory on the way counts, sticky ones as well (H3-2)") {
    if (!is_root()) return;
    const ScratchDirectory scratch;
    const std::string middle = scratch.make_directory("a");
    scratch.make_directory("a/b");
    const std::string file = scratch.write("a/b/conf", "x");
    CHECK(opening(file) == "it worked");
    const mode_t mode = GENERATE(0775, 0757, 0777, 01777);
    REQUIRE(::chmod(middle.c_str(), mode) == 0);
    CHECK(opening(file).find(on_the_way(
              file, middle, mode == 0775 ? "its group can write it (mode 0775)" : "everybody can write it")) == 0);
    REQUIRE(::chmod(middle.c_str(), 0755) == 0);
    scratch.give("a", stranger);
    CHECK(opening(file) == on_the_way(file, middle, "it is owned by uid 64322, not by root; chown root " + middle));
    CHECK(opening(middle, {.kind = Kind::directory}) ==
          not_trusted(middle, "it is owned by uid 64322, not by root; chown root " + middle));
}

TEST_CASE("I37: links are followed where trusted directories hold them, and what they lead to is checked") {
    if (!is_root()) return;
    const Remembering remembering{GENERATE(false, true)};
    const ScratchDirectory scratch;
    scratch.make_directory("real");
    const std::string file = scratch.write("real/conf", "x");
    const std::string bad = scratch.make_directory("open", 0777);
    scratch.write("open/conf", "x");
    scratch.link("open/link", file);
    CHECK(opening(scratch.link("absolute", file)) == "it worked");
    CHECK(opening(scratch.link("relative", "real/conf")) == "it worked");
    CHECK(opening(scratch.link("dots", "real/../real/./conf")) == "it worked");
    scratch.link("folder", "real");
    CHECK(opening(scratch.path("folder/conf")) == "it worked");
    CHECK(opening(scratch.link("twice", "relative")) == "it worked");
    const std::string to_bad = scratch.link("to-bad", "open/conf");
    CHECK(opening(to_bad).find(on_the_way(to_bad, bad, "everybody can write it (mode 0777)")) == 0);
    CHECK(opening(scratch.path("open/link")).find(on_the_way(scratch.path("open/link"), bad, "everybody")) == 0);
    const std::string loop = scratch.link("loop", "loop");
    CHECK(opening(loop) == "cannot open \"" + loop + "\": Too many levels of symbolic links");
    CHECK_FALSE(TrustedFile::open_if_present(scratch.link("dangling", "nowhere"), {}));
}

TEST_CASE("I37: a directory that is remembered is the one that was checked, until it is forgotten") {
    if (!is_root()) return;
    const ScratchDirectory scratch;
    const std::string middle = scratch.make_directory("a");
    scratch.make_directory("ab");
    const std::string file = scratch.write("a/conf", "first");
    const std::string other = scratch.write("ab/conf", "other");
    const std::string everybody = on_the_way(file, middle, "everybody can write it (mode 0777); chmod go-w " + middle);
    const auto text = [](const std::string & path) { return TrustedFile::open(path).read(100); };
    {
        const Remembering remembering{true};
        CHECK(text(file) == "first");
        CHECK(text(other) == "other"); // whose path begins with the same letters
        REQUIRE(::chmod(middle.c_str(), 0777) == 0);
        CHECK(text(file) == "first");
        REQUIRE(::rename(middle.c_str(), scratch.path("moved").c_str()) == 0);
        CHECK(text(file) == "first");
        CHECK(opening(middle, {.kind = Kind::directory}) == "it worked");
        CHECK(opening(scratch.path("moved/conf")).find("cannot trust") == 0); // not remembered by that name
        REQUIRE(::rename(scratch.path("moved").c_str(), middle.c_str()) == 0);
        TrustedFile::remember_directories(); // forgets first
        CHECK(opening(file) == everybody);
    }
    CHECK(opening(file) == everybody);
    REQUIRE(::chmod(middle.c_str(), 0755) == 0);
    CHECK(opening(file) == "it worked");
    REQUIRE(::chmod(middle.c_str(), 0777) == 0);
    CHECK(opening(file) == everybody); // nothing is remembered by itself
}

TEST_CASE("forty links are followed, and not one more (R16)") {
    if (!is_root()) return;
    const ScratchDirectory scratch;
    scratch.write("0", "x");
    for (int i = 1; i <= 41; ++i) scratch.link(std::to_string(i), std::to_string(i - 1));
    CHECK(opening(scratch.path("40")) == "it worked");
    CHECK(opening(scratch.path("41")) ==
          "cannot open \"" + scratch.path("41") + "\": Too many levels of symbolic links");
}

TEST_CASE("I17: one account besides root may own what lies in its directory, and no other") {
    if (!is_root()) return;
    const Remembering remembering{GENERATE(false, true)};
    const ScratchDirectory scratch;
    const std::string images = scratch.make_directory("images");
    const std::string file = scratch.write("images/a", "x", 0600);
    scratch.give("images", gateway);
    scratch.give("images/a", gateway);
    CHECK(opening(images, {.kind = Kind::directory, .also_owner = gateway}) == "it worked");
    CHECK(opening(file, {.also_owner = gateway}) == "it worked");
    CHECK(opening(file) == on_the_way(file, images, "it is owned by uid 64321, not by root; chown root " + images));
    scratch.give("images/a", stranger);
    CHECK(opening(file, {.also_owner = gateway}) ==
          not_trusted(file, "it is owned by uid 64322, not by root or uid 64321; chown root " + file));
}

TEST_CASE("I37: what root has below another account's directory is refused to whom that account is not trusted") {
    if (!is_root()) return;
    const Remembering remembering{GENERATE(false, true)};
    const ScratchDirectory scratch;
    const std::string images = scratch.make_directory("images");
    (void)scratch.make_directory("images/roots");
    const std::string file = scratch.write("images/roots/a", "x");
    scratch.give("images", gateway);
    CHECK(opening(file, {.also_owner = gateway}) == "it worked");
    CHECK(opening(file) == on_the_way(file, images, "it is owned by uid 64321, not by root; chown root " + images));
}

TEST_CASE("a FIFO or a socket in the place of a file is refused at once") {
    if (!is_root()) return;
    const ScratchDirectory scratch;
    REQUIRE(::mkfifo(scratch.path("fifo").c_str(), 0600) == 0);
    CHECK(opening(scratch.path("fifo")) == not_trusted(scratch.path("fifo"), "it is not a regular file"));
}

TEST_CASE("an account is a number, or a name in /etc/passwd (I3)") {
    CHECK(shifter::uid_of_account("root") == 0);
    CHECK(shifter::uid_of_account("0") == 0);
    CHECK(shifter::uid_of_account("4711") == 4711);
    CHECK(shifter::uid_of_account("daemon") == 1);
    CHECK_THROWS(shifter::uid_of_account("daemo"));
    CHECK_THROWS(shifter::uid_of_account("daemon:x"));
    CHECK(
        failure_of([] { (void)shifter::uid_of_account("no-such-account"); }) ==
        "there is no account \"no-such-account\" in /etc/passwd; write its number where only a name service knows it");
    CHECK_THROWS(shifter::uid_of_account("4294967295"));
    CHECK_THROWS(shifter::uid_of_account(""));
}

TEST_CASE("in a user namespace another uid stands for root, and nobody else does") {
    if (!is_root()) return;
    const ScratchDirectory scratch;
    const std::string file = scratch.write("file", "text");
    scratch.give("file", stranger);
    CHECK(opening(file) != "it worked");
    TrustedFile::take_for_root(stranger);
    CHECK(opening(file) == "it worked");
    CHECK(TrustedFile::is_root(stranger));
    CHECK_FALSE(TrustedFile::is_root(gateway));
    TrustedFile::take_for_root(0);
    CHECK(opening(file) != "it worked");
}
