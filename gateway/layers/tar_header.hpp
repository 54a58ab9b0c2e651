/**
 * @file
 * One 512-byte block of a tar archive: v7, POSIX.1-1988 ustar, GNU and star. The layouts are in tar(5) of FreeBSD and
 * in "Basic Tar Format" of the GNU tar manual.
 */
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::layers {

inline constexpr std::size_t tar_block_bytes = 512;
using TarBlock = std::array<std::byte, tar_block_bytes>;

/** The part of a sparse file that has content. */
struct Segment {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

struct TarHeader {
    char type = '0';
    std::string name;
    std::string link;
    std::uint32_t mode = 0;
    std::int64_t uid = 0;
    std::int64_t gid = 0;
    std::int64_t size = 0;
    std::int64_t mtime = 0;
    /** Type 'S' only (old GNU format): the first segments, whether more blocks of them follow, and the full size. */
    std::vector<Segment> segments;
    bool more_segments = false;
    std::int64_t real_size = 0;
};

[[nodiscard]] bool is_zero(const TarBlock & block);
/** @throws BadLayer  when the block is no header: wrong checksum, numbers that are none */
[[nodiscard]] TarHeader parse_tar_header(const TarBlock & block);
/** A continuation block of type 'S': appends to `segments`, says whether another one follows. */
[[nodiscard]] bool parse_sparse_block(const TarBlock & block, std::vector<Segment> & segments);

} // namespace shifter::layers
