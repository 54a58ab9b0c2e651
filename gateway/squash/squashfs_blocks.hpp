/**
 * @file
 * The blocks of a squashfs file that is not trusted: superblock, metadata, fragments, file data, each checked before it
 * is used. Only for the .cpp files of this layer.
 */
#pragma once

#include "squash/sqfs_handles.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <sqfs/compressor.h>
#include <string>
#include <vector>

namespace shifter::squash {

/** What is wrong with a squashfs file. */
class BadSquashfs : public Error {
public:
    explicit BadSquashfs(const std::string & what) : Error{"the squashfs file is damaged: " + what} {}
};

/** A little-endian number. */
template <class T> [[nodiscard]] T number_at(std::span<const std::uint8_t> bytes, std::size_t at) {
    T value = 0;
    for (std::size_t i = sizeof(T); i-- != 0;) value = static_cast<T>((std::uint64_t{value} << 8U) | bytes[at + i]);
    return value;
}

struct Superblock {
    std::uint32_t block_bytes = 0;
    std::uint32_t fragments = 0;
    std::uint16_t codec = 0;
    std::uint16_t ids = 0;
    std::uint64_t root = 0; ///< reference of the root's inode
    std::uint64_t bytes_used = 0;
    std::uint64_t id_table = 0;
    std::uint64_t inode_table = 0;
    std::uint64_t directory_table = 0;
    std::uint64_t fragment_table = 0;
};

constexpr std::size_t metadata_bytes = 8192;

class SquashfsBlocks {
public:
    /** Reads and checks the superblock, and the table of owners. @throws Error, BadSquashfs */
    SquashfsBlocks(int fd, std::uint64_t size_bytes);

    [[nodiscard]] const Superblock & super() const noexcept { return super_; }
    [[nodiscard]] std::uint32_t owner(std::uint16_t index) const;

    /** Metadata from (block, offset) on, which must lie in [begin, end) of the file. */
    class Metadata {
    public:
        Metadata(SquashfsBlocks & blocks, std::uint64_t block, std::size_t offset, std::uint64_t end)
            : blocks_{blocks}, block_{block}, offset_{offset}, end_{end} {}
        void read(std::span<std::uint8_t> into);
        template <class T> [[nodiscard]] T number() {
            std::uint8_t bytes[sizeof(T)];
            read(bytes);
            return number_at<T>(bytes, 0);
        }

    private:
        SquashfsBlocks & blocks_;
        std::uint64_t block_;
        std::size_t offset_;
        std::uint64_t end_;
    };
    [[nodiscard]] Metadata inode(std::uint64_t reference);
    [[nodiscard]] Metadata directory(std::uint32_t block, std::uint16_t offset);

    /** A block of file data; `stored`: its size, with the mark for "not compressed". At most block_bytes come out; valid
     * until the next call. */
    [[nodiscard]] std::span<const std::uint8_t> data(std::uint64_t at, std::uint32_t stored);
    [[nodiscard]] std::span<const std::uint8_t> fragment(std::uint32_t index);

private:
    struct Block {
        std::vector<std::uint8_t> bytes;
        std::uint64_t next = 0; ///< where the block after it begins
    };
    void read_superblock();
    void read_owners();
    void read_at(std::uint64_t at, std::span<std::uint8_t> into) const;
    [[nodiscard]] const Block & metadata(std::uint64_t at, std::uint64_t end);
    void unpack(std::uint64_t at, std::uint32_t stored, bool is_packed, std::vector<std::uint8_t> & into);
    /** Entry `index` of a table that is found by a list of its metadata blocks. */
    void read_entry(std::uint64_t table, std::uint64_t index, std::span<std::uint8_t> into);

    int fd_;
    std::uint64_t size_bytes_;
    Superblock super_;
    SqfsPtr<sqfs_compressor_t> codec_;
    std::vector<std::uint8_t> stored_;
    std::map<std::uint64_t, Block> metadata_;
    std::vector<std::uint32_t> owners_;
    std::vector<std::uint8_t> data_;
    std::vector<std::uint8_t> fragment_;
    std::uint64_t fragment_index_ = UINT64_MAX;
};

} // namespace shifter::squash
