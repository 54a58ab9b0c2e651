#include "base/io.hpp"

#include "base/error.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

using namespace shifter;

TEST_CASE("what is written arrives whole, also when it is larger than the pipe") {
    io::Pipe pipe = io::make_pipe();
    const std::string text(1U << 20U, 'x');
    std::jthread writer{[&] {
        io::write_all(pipe.write_end.get(), text, "the pipe");
        pipe.write_end.reset();
    }};
    CHECK(io::read_all(pipe.read_end.get(), text.size(), "the pipe") == text);
}

TEST_CASE("more than the limit is an error, and the limit itself is not") {
    const std::size_t size = GENERATE(std::size_t{0}, std::size_t{5}, std::size_t{16384}, std::size_t{16385});
    const auto read = [&](std::size_t limit) {
        io::Pipe pipe = io::make_pipe();
        io::write_all(pipe.write_end.get(), std::string(size, 'x'), "the pipe");
        pipe.write_end.reset();
        return io::read_all(pipe.read_end.get(), limit, "the pipe");
    };
    CHECK(read(size).size() == size);
    CHECK(read(size + 1).size() == size);
    if (size > 0) CHECK_THROWS_WITH(read(size - 1), "the pipe has more than " + std::to_string(size - 1) + " bytes");
}

TEST_CASE("a read of some is short only at the end") {
    io::Pipe pipe = io::make_pipe();
    std::jthread writer{[&] {
        io::write_all(pipe.write_end.get(), "ab", "the pipe");
        io::write_all(pipe.write_end.get(), "cde", "the pipe");
        pipe.write_end.reset();
    }};
    std::array<std::byte, 4> buffer{};
    CHECK(io::read_some(pipe.read_end.get(), buffer, "the pipe") == 4);
    CHECK(io::read_some(pipe.read_end.get(), buffer, "the pipe") == 1);
    CHECK(io::read_some(pipe.read_end.get(), buffer, "the pipe") == 0);
}

TEST_CASE("I5: both ends of a pipe are close-on-exec") {
    const io::Pipe pipe = io::make_pipe();
    CHECK((::fcntl(pipe.read_end.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(pipe.write_end.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a failed read or write names what it was about") {
    CHECK_THROWS_WITH(io::read_all(-1, 10, "the list"), "cannot read the list: Bad file descriptor");
    CHECK_THROWS_WITH(io::write_all(-1, "x", "the list"), "cannot write the list: Bad file descriptor");
}
