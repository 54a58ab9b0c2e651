#include "layers/tar_header.hpp"

#include "layers/bad_layer.hpp"

#include <algorithm>
#include <limits>

namespace shifter::layers {
namespace {

std::string_view field(const TarBlock & block, std::size_t offset, std::size_t length) {
    return {reinterpret_cast<const char *>(block.data()) + offset, length};
}

/** Up to the first NUL, or all of it. */
std::string_view text(const TarBlock & block, std::size_t offset, std::size_t length) {
    const std::string_view all = field(block, offset, length);
    return all.substr(0, all.find('\0'));
}

/** GNU and star: big-endian two's complement with the topmost bit as a mark. */
std::int64_t binary_number(std::string_view bytes) {
    const auto first = static_cast<unsigned char>(bytes.front());
    const bool negative = (first & 0x40U) != 0;
    const std::uint64_t filler = negative ? std::numeric_limits<std::uint64_t>::max() : 0;
    std::uint64_t value = filler;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto byte = static_cast<unsigned char>(bytes[i]);
        if (i == 0) byte = static_cast<unsigned char>(negative ? byte | 0x80U : byte & 0x7fU);
        if (value >> 56U != (filler & 0xffU)) throw BadLayer{"a number in a tar header is out of range"};
        value = (value << 8U) | byte;
    }
    if ((value >> 63U != 0) != negative) throw BadLayer{"a number in a tar header is out of range"};
    return static_cast<std::int64_t>(value);
}

std::int64_t number(std::string_view bytes) {
    if ((static_cast<unsigned char>(bytes.front()) & 0x80U) != 0) return binary_number(bytes);
    constexpr std::string_view filler{" \0", 2};
    const std::size_t begin = bytes.find_first_not_of(filler);
    if (begin == std::string_view::npos) return 0;
    std::int64_t value = 0;
    for (const char c : bytes.substr(begin, bytes.find_first_of(filler, begin) - begin)) {
        if (c < '0' || c > '7') throw BadLayer{"a number in a tar header is not octal"};
        value = value * 8 + (c - '0'); // 12 digits at most: it fits
    }
    return value;
}

bool checksum_is_right(const TarBlock & block) {
    std::int64_t as_unsigned = 0;
    std::int64_t as_signed = 0; // some old programs
    for (std::size_t i = 0; i < block.size(); ++i) {
        const bool own = i >= 148 && i < 156;
        as_unsigned += own ? ' ' : std::to_integer<int>(block[i]);
        as_signed += own ? ' ' : static_cast<signed char>(block[i]);
    }
    const std::int64_t stated = number(field(block, 148, 8));
    return stated == as_unsigned || stated == as_signed;
}

void read_segments(const TarBlock & block, std::size_t offset, std::size_t count, std::vector<Segment> & segments) {
    for (std::size_t i = 0; i < count; ++i, offset += 24) {
        if (block[offset] == std::byte{}) return; // unused from here on
        const std::int64_t begin = number(field(block, offset, 12));
        const std::int64_t size = number(field(block, offset + 12, 12));
        if (begin < 0 || size < 0) throw BadLayer{"the map of a sparse file has a negative number"};
        segments.push_back({static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(size)});
    }
}

} // namespace

bool is_zero(const TarBlock & block) {
    return std::all_of(block.begin(), block.end(), [](std::byte b) { return b == std::byte{}; });
}

TarHeader parse_tar_header(const TarBlock & block) {
    bool right = false;
    try {
        right = checksum_is_right(block);
    } catch (const BadLayer &) {
        right = false; // the checksum itself is no number: the same to the reader
    }
    if (!right) throw BadLayer{"there is no tar header where one should be"};
    TarHeader header;
    header.type = static_cast<char>(block[156]);
    header.name = text(block, 0, 100);
    header.link = text(block, 157, 100);
    header.mode = static_cast<std::uint32_t>(number(field(block, 100, 8)) & 07777);
    header.uid = number(field(block, 108, 8));
    header.gid = number(field(block, 116, 8));
    header.size = number(field(block, 124, 12));
    header.mtime = number(field(block, 136, 12));
    if (header.size < 0) throw BadLayer{"an entry of the tar archive has a negative size"};
    const std::string_view magic = field(block, 257, 6);
    if (magic == std::string_view{"ustar\0", 6}) {
        const bool star = field(block, 508, 4) == std::string_view{"tar\0", 4};
        const std::string_view prefix = text(block, 345, star ? 131 : 155);
        if (!prefix.empty()) header.name = std::string{prefix} + "/" + header.name;
    }
    if (header.type == 'S') {
        read_segments(block, 386, 4, header.segments);
        header.more_segments = block[482] != std::byte{};
        header.real_size = number(field(block, 483, 12));
        if (header.real_size < 0) throw BadLayer{"an entry of the tar archive has a negative size"};
    }
    return header;
}

bool parse_sparse_block(const TarBlock & block, std::vector<Segment> & segments) {
    read_segments(block, 0, 21, segments);
    return block[504] != std::byte{};
}

} // namespace shifter::layers
