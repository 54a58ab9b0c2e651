#include "catalog/publisher.hpp"
#include "base/error.hpp"

#include "image_files.hpp"
#include "samples.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;

namespace {

mode_t mode_of(const std::string & path) {
    struct stat facts {};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777U;
}

std::string text_of(const std::string & path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::string file_of(const Folder & folder, char digit, const char * suffix) {
    return folder / (std::string(64, digit) + suffix);
}

} // namespace

TEST_CASE("a published image has its file, its record and the modes of the site (H8-10)") {
    const Folder folder;
    auto [privacy, acl, mode] = GENERATE(table<Privacy, Acl, mode_t>({
        {Privacy::everybody, Acl{}, 0644},
        {Privacy::everybody, Acl{{1001}, {}}, 0600},
        {Privacy::readers_only, Acl{}, 0600}, // DISABLE_ACL_METADATA: no list in the record, and no reader for that
    }));
    Publisher publisher{{.directory = folder.path()}};
    UnpublishedFile file{{.directory = folder.path()}};
    fill(file, squashfs());
    CHECK_FALSE(publisher.is_whole(id_of('a')));
    publisher.publish(std::move(file), id_of('a'), record("A=1", acl), privacy);
    CHECK(publisher.whole_size(id_of('a')) == 4096);
    CHECK(folder.count() == 2);
    CHECK(mode_of(file_of(folder, 'a', ".squashfs")) == mode);
    CHECK(mode_of(file_of(folder, 'a', ".meta")) == mode);
    CHECK(parse_image_record(text_of(file_of(folder, 'a', ".meta")))->acl == acl);
}

TEST_CASE("R2: a file that was not published leaves nothing") {
    const Folder folder;
    {
        UnpublishedFile file{{.directory = folder.path()}};
        fill(file, squashfs());
        UnpublishedFile moved{std::move(file)};
    }
    CHECK(folder.count() == 0);
}

TEST_CASE("R4: a whole image is not rewritten, its record is") {
    const Folder folder;
    Publisher publisher{{.directory = folder.path()}};
    UnpublishedFile first{{.directory = folder.path()}};
    fill(first, squashfs());
    publisher.publish(std::move(first), id_of('a'), record("A=1"));
    struct stat before {};
    REQUIRE(::stat(file_of(folder, 'a', ".squashfs").c_str(), &before) == 0);
    UnpublishedFile second{{.directory = folder.path()}};
    fill(second, squashfs());
    publisher.publish(std::move(second), id_of('a'), record("A=2"));
    struct stat after {};
    REQUIRE(::stat(file_of(folder, 'a', ".squashfs").c_str(), &after) == 0);
    CHECK(before.st_ino == after.st_ino);
    CHECK(parse_image_record(text_of(file_of(folder, 'a', ".meta")))->env == std::vector<std::string>{"A=2"});
    CHECK(folder.count() == 2);
}

TEST_CASE("R14: a damaged image is replaced by a new file, the old one stays for who has it open") {
    const Folder folder;
    std::ofstream{file_of(folder, 'a', ".squashfs")} << "short";
    std::ifstream open_before{file_of(folder, 'a', ".squashfs")};
    Publisher publisher{{.directory = folder.path()}};
    UnpublishedFile file{{.directory = folder.path()}};
    fill(file, squashfs());
    publisher.publish(std::move(file), id_of('a'), record());
    CHECK(publisher.is_whole(id_of('a')));
    CHECK(folder.count() == 2);
    std::string text;
    open_before >> text;
    CHECK(text == "short");
}

TEST_CASE("R1: an image is whole with a readable record, a superblock, and all bytes that it promises") {
    const Folder folder;
    const Publisher publisher{{.directory = folder.path()}};
    auto [image_text, meta_text, whole] = GENERATE(table<std::string, std::string, bool>({
        {squashfs(), "FORMAT: squashfs\n", true},
        {squashfs(4096, 3000), "FORMAT: squashfs\n", true}, // padded to 4 KiB
        {squashfs(4096, 4097), "FORMAT: squashfs\n", false},
        {squashfs(4096, 0), "FORMAT: squashfs\n", false},
        {squashfs(50), "FORMAT: squashfs\n", false},
        {std::string(4096, 'x'), "FORMAT: squashfs\n", false},
        {squashfs(), "FORMAT: squash", false},
        {squashfs(), "FORMAT: squashfs\nUSERACL: \n", false},
        {squashfs(), "", false},
    }));
    std::ofstream{file_of(folder, 'a', ".squashfs")} << image_text;
    std::ofstream{file_of(folder, 'a', ".meta")} << meta_text;
    CHECK(publisher.is_whole(id_of('a')) == whole);
}

TEST_CASE("a changed list of readers changes record and mode of both files") {
    const Folder folder;
    Publisher publisher{{.directory = folder.path()}};
    UnpublishedFile file{{.directory = folder.path()}};
    fill(file, squashfs());
    publisher.publish(std::move(file), id_of('a'), record("A=1", {{1001}, {}}));
    publisher.publish_record(id_of('a'), record("A=1"));
    CHECK(mode_of(file_of(folder, 'a', ".squashfs")) == 0644);
    CHECK(mode_of(file_of(folder, 'a', ".meta")) == 0644);
    publisher.publish_record(id_of('a'), record("A=1", {{1001, 1002}, {}}));
    CHECK(mode_of(file_of(folder, 'a', ".squashfs")) == 0600);
    CHECK(mode_of(file_of(folder, 'a', ".meta")) == 0600);
    CHECK(folder.count() == 2);
}

TEST_CASE("removing takes both files, and may be repeated") {
    const Folder folder;
    Publisher publisher{{.directory = folder.path()}};
    UnpublishedFile file{{.directory = folder.path()}};
    fill(file, squashfs());
    publisher.publish(std::move(file), id_of('a'), record());
    publisher.remove(id_of('a'));
    publisher.remove(id_of('a'));
    CHECK(folder.count() == 0);
}

TEST_CASE("R3: cleaning takes what dead processes left, and nothing that is held or young") {
    const Folder folder;
    std::ofstream{folder / ".image.partial.1.2.3"} << "dead";
    std::ofstream{folder / ".held.partial.1.2.3"} << "alive";
    std::ofstream{file_of(folder, 'b', ".squashfs")} << "its record is being written";
    std::ofstream{folder / "notes.txt"} << "the admin's";
    const UniqueFd held{::open((folder / ".held.partial.1.2.3").c_str(), O_RDONLY | O_CLOEXEC)};
    REQUIRE(::flock(held.get(), LOCK_EX | LOCK_NB) == 0);
    CHECK(Publisher{{.directory = folder.path()}}.clean() == 1);
    CHECK(folder.count() == 3);
}

TEST_CASE("a directory that is not there is named in the error") {
    CHECK_THROWS_WITH(UnpublishedFile{{.directory = "/nonexistent/images"}},
                      "cannot open the image directory \"/nonexistent/images\": No such file or directory");
}
