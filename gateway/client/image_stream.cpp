#include "client/image_stream.hpp"

#include "base/error.hpp"
#include "base/io.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::client {
namespace {

constexpr std::size_t block_bytes = 512;

/** A ustar header of a regular file; sizes beyond 8 GiB in base 256, as GNU tar writes them. */
std::string header_of(const std::string & name, std::uint64_t bytes) {
    std::string block(block_bytes, '\0');
    const auto put = [&](std::size_t at, const std::string & text) { block.replace(at, text.size(), text); };
    const auto octal = [](std::uint64_t value, int digits) {
        std::array<char, 32> text{};
        (void)std::snprintf(text.data(), text.size(), "%0*llo", digits, static_cast<unsigned long long>(value));
        return std::string{text.data()};
    };
    put(0, name);
    put(100, octal(0600, 7));
    put(108, octal(0, 7));
    put(116, octal(0, 7));
    if (bytes < std::uint64_t{1} << 33U) {
        put(124, octal(bytes, 11));
    } else {
        block[124] = static_cast<char>(0x80);
        for (std::size_t i = 0; i < 8; ++i) block[135 - i] = static_cast<char>(bytes >> (8 * i) & 0xffU);
    }
    put(136, octal(0, 11));
    put(148, "        ");
    block[156] = '0';
    put(257, std::string{"ustar\00000", 8});
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    put(148, octal(sum, 6) + std::string(1, '\0'));
    return block;
}

} // namespace

ImageStream::ImageStream(const std::string & name) : name_{name} {
    if (name == "-") {
        fd_.reset(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
        if (!fd_) throw SysError{errno, "cannot read standard input"};
        return;
    }
    fd_.reset(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat facts {};
    if (!fd_ || ::fstat(fd_.get(), &facts) != 0) throw SysError{errno, "cannot read " + shifter::quoted(name)};
    if (!S_ISDIR(facts.st_mode)) return;
    is_layout_ = true;
    fd_.reset();
    add_layout(name);
}

void ImageStream::add_layout(const std::string & folder) {
    const std::filesystem::path blobs{folder + "/blobs/sha256"};
    std::error_code error;
    if (!std::filesystem::is_regular_file(folder + "/index.json", error))
        throw Error{"cannot use " + shifter::quoted(folder) +
                    ": the folder is no OCI image layout (it has no index.json)"};
    add_file(folder, "index.json");
    std::vector<std::string> names;
    for (const auto & entry : std::filesystem::directory_iterator{blobs, error})
        names.push_back(entry.path().filename());
    if (error) throw Error{"cannot read " + shifter::quoted(blobs.string()) + ": " + error.message()};
    std::sort(names.begin(), names.end());
    for (const std::string & each : names) {
        if (each.size() > 64)
            throw Error{"cannot use " + shifter::quoted(folder) + ": " + shifter::quoted(each) + " is no blob"};
        add_file(folder, "blobs/sha256/" + each);
    }
    parts_.push_back({std::string(2 * block_bytes, '\0')});
}

void ImageStream::add_file(const std::string & folder, const std::string & name) {
    const std::string path = folder + "/" + name;
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) throw SysError{errno, "cannot read " + shifter::quoted(path)};
    if (!S_ISREG(facts.st_mode)) throw Error{"cannot use " + shifter::quoted(path) + ": it is no regular file"};
    const auto bytes = static_cast<std::uint64_t>(facts.st_size);
    parts_.push_back({header_of(name, bytes)});
    parts_.push_back({{}, path, bytes});
    parts_.push_back({std::string((block_bytes - bytes % block_bytes) % block_bytes, '\0')});
}

std::string ImageStream::read_from_part(std::size_t most) {
    Part & part = parts_.front();
    if (part.path.empty()) {
        std::string text = part.text.substr(0, most);
        part.text.erase(0, text.size());
        if (part.text.empty()) parts_.pop_front();
        return text;
    }
    if (!part_fd_) part_fd_.reset(::open(part.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!part_fd_) throw SysError{errno, "cannot read " + shifter::quoted(part.path)};
    std::string text(static_cast<std::size_t>(std::min<std::uint64_t>(most, part.bytes)), '\0');
    if (io::read_some(part_fd_.get(), std::as_writable_bytes(std::span{text}), shifter::quoted(part.path)) !=
        text.size())
        throw Error{shifter::quoted(part.path) + " became shorter while it was read"};
    part.bytes -= text.size();
    if (part.bytes == 0) {
        part_fd_.reset();
        parts_.pop_front();
    }
    return text;
}

std::string ImageStream::read(std::size_t most) {
    if (!is_layout_) {
        std::string text(most, '\0');
        text.resize(io::read_some(fd_.get(), std::as_writable_bytes(std::span{text}), shifter::quoted(name_)));
        return text;
    }
    std::string text;
    while (text.size() < most && !parts_.empty()) text += read_from_part(most - text.size());
    return text;
}

} // namespace shifter::client
