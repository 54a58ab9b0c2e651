/**
 * @file
 * Extended headers: POSIX.1-2001 "pax Extended Header", with the records of GNU tar (sparse files), star and libarchive
 * (extended attributes). Keys that mean nothing to us are skipped, as POSIX asks; a broken record is an error.
 */
#pragma once

#include "layers/tar_header.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::layers {

/** What extended headers say about one entry; unset where they say nothing. */
struct PaxRecords {
    std::optional<std::string> path;
    std::optional<std::string> link;
    std::optional<std::uint64_t> size;
    std::optional<std::int64_t> uid;
    std::optional<std::int64_t> gid;
    std::optional<std::int64_t> mtime; ///< rounded down to seconds
    std::map<std::string, std::string> xattrs;

    struct Sparse {
        bool present = false;
        bool map_in_body = false; ///< format 1.0
        std::optional<std::string> name;
        std::optional<std::uint64_t> real_size;
        std::vector<Segment> segments;            ///< formats 0.0 and 0.1
        std::optional<std::uint64_t> open_offset; ///< 0.0: an offset whose size has not come yet
    } sparse;
};

/** Adds the records of `body` to `records`; later ones win, an empty value takes an earlier one back. @throws BadLayer
 */
void parse_pax(std::string_view body, PaxRecords & records);

} // namespace shifter::layers
