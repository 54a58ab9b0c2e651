#include "squash/squashfs_blocks.hpp"

#include <algorithm>
#include <array>
#include <unistd.h>

namespace shifter::squash {
namespace {

constexpr std::size_t superblock_bytes = 96;
constexpr std::uint32_t magic = 0x73717368;
constexpr std::uint32_t not_packed = 1U << 24U; // of a data block's size
constexpr std::uint16_t metadata_not_packed = 0x8000;
constexpr std::size_t most_cached_blocks = 512; // 4 MiB of metadata

SqfsPtr<sqfs_compressor_t> open_codec(std::uint16_t id, std::uint32_t block_bytes) {
    sqfs_compressor_config_t config{};
    sqfs_compressor_t * made = nullptr;
    if (id < SQFS_COMP_MIN || id > SQFS_COMP_MAX ||
        sqfs_compressor_config_init(&config, static_cast<SQFS_COMPRESSOR>(id), block_bytes,
                                    SQFS_COMP_FLAG_UNCOMPRESS) != 0 ||
        sqfs_compressor_create(&config, &made) != 0)
        throw Error{"the squashfs file is compressed in a way (number " + std::to_string(id) +
                    ") that this gateway cannot read; make it with mksquashfs -comp zstd or gzip"};
    return owned(made);
}

} // namespace

SquashfsBlocks::SquashfsBlocks(int fd, std::uint64_t size_bytes) : fd_{fd}, size_bytes_{size_bytes} {
    read_superblock();
    codec_ = open_codec(super_.codec, super_.block_bytes);
    stored_.resize(std::max<std::size_t>(super_.block_bytes, metadata_bytes));
    read_owners();
}

void SquashfsBlocks::read_superblock() {
    std::array<std::uint8_t, superblock_bytes> raw{};
    if (size_bytes_ < raw.size()) throw Error{"the file is no squashfs: it is too short"};
    super_.bytes_used = size_bytes_;
    read_at(0, raw);
    if (number_at<std::uint32_t>(raw, 0) != magic)
        throw Error{"the file is no squashfs: it does not begin with \"hsqs\"; archives are for shifterimg load"};
    const auto major = number_at<std::uint16_t>(raw, 28);
    const auto minor = number_at<std::uint16_t>(raw, 30);
    if (major != 4 || minor != 0)
        throw Error{"the squashfs file has version " + std::to_string(major) + "." + std::to_string(minor) +
                    ", and only 4.0 is read"};
    super_.block_bytes = number_at<std::uint32_t>(raw, 12);
    super_.fragments = number_at<std::uint32_t>(raw, 16);
    super_.codec = number_at<std::uint16_t>(raw, 20);
    const auto block_log = number_at<std::uint16_t>(raw, 22);
    super_.ids = number_at<std::uint16_t>(raw, 26);
    super_.root = number_at<std::uint64_t>(raw, 32);
    super_.bytes_used = number_at<std::uint64_t>(raw, 40);
    super_.id_table = number_at<std::uint64_t>(raw, 48);
    super_.inode_table = number_at<std::uint64_t>(raw, 64);
    super_.directory_table = number_at<std::uint64_t>(raw, 72);
    super_.fragment_table = number_at<std::uint64_t>(raw, 80);
    if (block_log < 12 || block_log > 20 || super_.block_bytes != (1U << block_log))
        throw BadSquashfs{"its superblock states a block size that cannot be"};
    if (super_.bytes_used > size_bytes_)
        throw BadSquashfs{"its superblock says " + std::to_string(super_.bytes_used) + " bytes, and " +
                          std::to_string(size_bytes_) + " are here; is it cut off?"};
    const bool has_fragments = super_.fragments != 0;
    if (super_.inode_table < superblock_bytes || super_.inode_table >= super_.directory_table ||
        super_.directory_table >= super_.bytes_used || super_.id_table >= super_.bytes_used || super_.ids == 0 ||
        (has_fragments && super_.fragment_table >= super_.bytes_used))
        throw BadSquashfs{"a table lies outside of it"};
}

void SquashfsBlocks::read_owners() {
    owners_.reserve(super_.ids);
    for (std::uint32_t index = 0; index < super_.ids; ++index) {
        std::array<std::uint8_t, 4> raw{};
        read_entry(super_.id_table, index, raw);
        owners_.push_back(number_at<std::uint32_t>(raw, 0));
    }
}

std::uint32_t SquashfsBlocks::owner(std::uint16_t index) const {
    if (index >= owners_.size()) throw BadSquashfs{"an owner is not in its table"};
    return owners_[index];
}

void SquashfsBlocks::read_at(std::uint64_t at, std::span<std::uint8_t> into) const {
    if (at > super_.bytes_used || into.size() > super_.bytes_used - at)
        throw BadSquashfs{"a block lies outside of it"};
    while (!into.empty()) {
        const ssize_t count = ::pread(fd_, into.data(), into.size(), static_cast<off_t>(at));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw SysError{errno, "cannot read the squashfs file"};
        if (count == 0) throw BadSquashfs{"it ends too early"};
        into = into.subspan(static_cast<std::size_t>(count));
        at += static_cast<std::uint64_t>(count);
    }
}

void SquashfsBlocks::unpack(std::uint64_t at, std::uint32_t stored, bool is_packed, std::vector<std::uint8_t> & into) {
    if (stored == 0 || stored > into.size()) throw BadSquashfs{"a block has a size that cannot be"};
    if (!is_packed) {
        into.resize(stored);
        read_at(at, into);
        return;
    }
    const auto packed = std::span{stored_}.first(stored);
    read_at(at, packed);
    const sqfs_s32 count = codec_->do_block(codec_.get(), packed.data(), stored, into.data(),
                                            static_cast<sqfs_u32>(into.size()));
    if (count <= 0 || static_cast<std::size_t>(count) > into.size())
        throw BadSquashfs{"a block cannot be decompressed"};
    into.resize(static_cast<std::size_t>(count));
}

const SquashfsBlocks::Block & SquashfsBlocks::metadata(std::uint64_t at, std::uint64_t end) {
    const auto found = metadata_.find(at);
    if (found != metadata_.end()) return found->second;
    if (at < superblock_bytes || at >= end) throw BadSquashfs{"a reference leads out of its table"};
    std::array<std::uint8_t, 2> head{};
    read_at(at, head);
    const auto mark = number_at<std::uint16_t>(head, 0);
    const std::uint32_t stored = mark & 0x7fffU;
    Block block;
    block.bytes.resize(metadata_bytes);
    unpack(at + head.size(), stored, (mark & metadata_not_packed) == 0, block.bytes);
    block.next = at + head.size() + stored;
    if (metadata_.size() >= most_cached_blocks) metadata_.clear();
    return metadata_.emplace(at, std::move(block)).first->second;
}

void SquashfsBlocks::Metadata::read(std::span<std::uint8_t> into) {
    while (!into.empty()) {
        const Block & block = blocks_.metadata(block_, end_);
        if (offset_ >= block.bytes.size()) {
            // A full block ends where the next begins; a reference beyond a short one leads nowhere.
            if (offset_ != block.bytes.size() || block.bytes.size() != metadata_bytes)
                throw BadSquashfs{"a reference leads beyond its block"};
            block_ = block.next;
            offset_ = 0;
            continue;
        }
        const std::size_t count = std::min(into.size(), block.bytes.size() - offset_);
        std::copy_n(block.bytes.begin() + static_cast<std::ptrdiff_t>(offset_), count, into.begin());
        into = into.subspan(count);
        offset_ += count;
    }
}

SquashfsBlocks::Metadata SquashfsBlocks::inode(std::uint64_t reference) {
    const std::uint64_t block = reference >> 16U;
    if (block >= super_.directory_table - super_.inode_table) throw BadSquashfs{"an inode lies outside of its table"};
    return {*this, super_.inode_table + block, static_cast<std::size_t>(reference & 0xffffU), super_.directory_table};
}

SquashfsBlocks::Metadata SquashfsBlocks::directory(std::uint32_t block, std::uint16_t offset) {
    return {*this, super_.directory_table + block, offset, super_.bytes_used};
}

void SquashfsBlocks::read_entry(std::uint64_t table, std::uint64_t index, std::span<std::uint8_t> into) {
    const std::uint64_t position = index * into.size();
    const std::uint64_t list_entry = table + position / metadata_bytes * 8;
    std::array<std::uint8_t, 8> raw{};
    read_at(list_entry, raw);
    Metadata entry{*this, number_at<std::uint64_t>(raw, 0), static_cast<std::size_t>(position % metadata_bytes),
                   super_.bytes_used};
    entry.read(into);
}

std::span<const std::uint8_t> SquashfsBlocks::data(std::uint64_t at, std::uint32_t stored) {
    data_.resize(super_.block_bytes);
    unpack(at, stored & ~not_packed, (stored & not_packed) == 0, data_);
    return data_;
}

std::span<const std::uint8_t> SquashfsBlocks::fragment(std::uint32_t index) {
    if (index == fragment_index_) return fragment_;
    if (index >= super_.fragments) throw BadSquashfs{"the end of a file is not in its table"};
    fragment_index_ = UINT64_MAX;
    std::array<std::uint8_t, 16> raw{};
    read_entry(super_.fragment_table, index, raw);
    const auto stored = number_at<std::uint32_t>(raw, 8);
    fragment_.resize(super_.block_bytes);
    unpack(number_at<std::uint64_t>(raw, 0), stored & ~not_packed, (stored & not_packed) == 0, fragment_);
    fragment_index_ = index;
    return fragment_;
}

} // namespace shifter::squash
