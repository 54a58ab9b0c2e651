#include "base/io.hpp"

#include "base/error.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace shifter::io {

std::size_t read_some(int fd, std::span<std::byte> buffer, std::string_view what) {
    std::size_t done = 0;
    while (done < buffer.size()) {
        const ssize_t count = ::read(fd, buffer.data() + done, buffer.size() - done);
        if (count < 0) {
            if (errno == EINTR) continue;
            throw SysError{errno, "cannot read " + std::string{what}};
        }
        if (count == 0) break;
        done += static_cast<std::size_t>(count);
    }
    return done;
}

std::string read_all(int fd, std::size_t max_bytes, std::string_view what) {
    std::string content;
    std::array<std::byte, 4096> buffer{}; // most files are smaller, and each page of a stack costs a fault
    for (;;) {
        const std::size_t count = read_some(fd, buffer, what);
        if (count > max_bytes - content.size()) throw Error{std::string{what} + " has more than " + std::to_string(max_bytes) + " bytes"};
        content.append(reinterpret_cast<const char *>(buffer.data()), count);
        if (count < buffer.size()) return content;
    }
}

void write_all(int fd, std::span<const std::byte> bytes, std::string_view what) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0) {
            if (errno == EINTR) continue;
            throw SysError{errno, "cannot write " + std::string{what}};
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

void write_all(int fd, std::string_view bytes, std::string_view what) { write_all(fd, std::as_bytes(std::span{bytes}), what); }

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw SysError{errno, "cannot make a pipe"};
    return {UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

} // namespace shifter::io
