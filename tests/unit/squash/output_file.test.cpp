#include "base/unique_fd.hpp"
#include "squash/output_file.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <random>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using shifter::UniqueFd;
using shifter::squash::OutputFile;

namespace {

std::span<const std::byte> bytes(const std::string & text) { return std::as_bytes(std::span{text}); }

std::string content(int fd) {
    struct stat facts {};
    REQUIRE(::fstat(fd, &facts) == 0);
    std::string text(static_cast<std::size_t>(facts.st_size), '\0');
    REQUIRE(::pread(fd, text.data(), text.size(), 0) == facts.st_size);
    return text;
}

} // namespace

TEST_CASE("an output file holds what was written last, in whatever order and sizes it came") {
    const UniqueFd fd{::memfd_create("output", MFD_CLOEXEC)};
    OutputFile file{fd.get()};
    std::string expected;
    std::mt19937 random{7};
    for (int i = 0; i < 300; ++i) {
        const std::size_t offset = random() % (expected.size() + 1);
        const std::string text(random() % (i % 50 == 0 ? 3'000'000 : 90'000), static_cast<char>('a' + i % 26));
        if (offset + text.size() > expected.size()) expected.resize(offset + text.size());
        expected.replace(offset, text.size(), text);
        file.write_at(offset, bytes(text));
        if (i % 9 == 0 && !expected.empty()) {
            const std::size_t end = expected.size() - random() % expected.size() / 8;
            expected.resize(end);
            file.cut_to(end);
        }
        if (i % 7 == 0 && !expected.empty()) {
            const std::size_t at = random() % expected.size();
            std::array<char, 1> one{};
            REQUIRE(file.sqfs()->read_at(file.sqfs(), at, one.data(), 1) == 0);
            REQUIRE(one[0] == expected[at]);
        }
        REQUIRE(file.size_bytes() == expected.size());
    }
    file.pad_to(4096);
    expected.resize((expected.size() + 4095) / 4096 * 4096);
    REQUIRE(content(fd.get()) == expected);
}

TEST_CASE("what is copied into an output file comes after what was gathered before it") {
    const UniqueFd source{::memfd_create("source", MFD_CLOEXEC)};
    REQUIRE(::pwrite(source.get(), "0123456789", 10, 0) == 10);
    const UniqueFd fd{::memfd_create("output", MFD_CLOEXEC)};
    OutputFile file{fd.get()};
    file.write_at(0, bytes("abcdefgh"));
    file.copy_from(source.get(), 3, 4, 5);
    file.write_at(9, bytes("xyz"));
    file.flush();
    REQUIRE(content(fd.get()) == "abcd34567xyz");
}

TEST_CASE("a full disk is told with its reason, by the flush at the latest") {
    const UniqueFd fd{::open("/dev/full", O_RDWR | O_CLOEXEC)};
    OutputFile file{fd.get()};
    file.write_at(0, bytes("small enough to be gathered"));
    REQUIRE_THROWS_WITH(file.flush(), Catch::Contains("No space left on device"));
}
