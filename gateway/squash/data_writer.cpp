#include "squash/data_writer.hpp"

#include "squash/output.hpp"

#include <array>
#include <sqfs/block.h>
#include <sqfs/block_processor.h>
#include <sqfs/block_writer.h>
#include <sqfs/inode.h>
#include <utility>
#include <vector>

namespace shifter::squash {
namespace {

/** Files on their way to the disk at most; then all is waited for, and libsquashfs' inodes give way to FileData. */
constexpr std::size_t harvest_after = 4096;

SqfsPtr<sqfs_block_processor_t> make_processor(Output & output, sqfs_block_writer_t * writer, const Options & options) {
    sqfs_block_processor_desc_t description{};
    description.size = sizeof description;
    description.max_block_size = options.block_bytes;
    description.num_workers = options.compressors();
    description.max_backlog = static_cast<sqfs_u32>(options.backlog());
    description.cmp = output.compressor.get();
    description.wr = writer;
    description.tbl = output.fragments.get();
    description.file = output.file.sqfs();
    description.uncmp = output.decompressor.get();
    sqfs_block_processor_t * made = nullptr;
    check_sqfs(sqfs_block_processor_create_ex(&description, &made), "start the compressors");
    return owned(made);
}

} // namespace

struct DataWriter::Pending {
    using InodePtr = sqfs_inode_generic_t *;

    Pending(Output & target, const Options & options)
        : output{target}, writer{owned(sqfs_block_writer_create(target.file.sqfs(), SQFS_DEVBLK_SIZE, 0))},
          processor{make_processor(target, writer.get(), options)}, block_bytes{options.block_bytes},
          max_backlog{options.backlog()} {}
    ~Pending() {
        // libsquashfs does not free blocks that are on their way when it is told to end, and a service would lose some
        // megabytes with each pull that fails. So they come home first, and are written nowhere. Each call that fails
        // has freed a block; a pool that has broken down for good would never end, hence the bound.
        if (!finished) output.file.discard_writes();
        for (std::size_t tries = 0; sqfs_block_processor_sync(processor.get()) != 0 && tries < 4 * max_backlog;)
            ++tries;
        processor.reset(); // until then it writes to the inodes
        for (const InodePtr inode : inodes) sqfs_free(inode);
    }
    Pending(const Pending &) = delete;
    Pending & operator=(const Pending &) = delete;

    std::array<InodePtr, harvest_after> inodes{};
    std::array<layers::InodeIndex, harvest_after> numbers{};
    std::size_t count = 0;
    Output & output;
    SqfsPtr<sqfs_block_writer_t> writer;
    SqfsPtr<sqfs_block_processor_t> processor;
    std::uint32_t block_bytes;
    std::size_t max_backlog;
    bool finished = false;
};

DataWriter::DataWriter(Output & output, layers::Tree & tree, const Options & options, std::stop_token stop)
    : output_{output}, tree_{tree}, stop_{std::move(stop)}, pending_{std::make_unique<Pending>(output, options)} {}

DataWriter::~DataWriter() = default;

layers::BodySink & DataWriter::begin_file(layers::InodeIndex inode, std::uint64_t size_bytes) {
    if (pending_->count == harvest_after) harvest();
    const std::size_t place = pending_->count++;
    pending_->numbers[place] = inode;
    // As mksquashfs does: only files that are smaller than a block share one with others.
    const sqfs_u32 flags = size_bytes > pending_->block_bytes ? SQFS_BLK_DONT_FRAGMENT : 0;
    output_.file.check(
        sqfs_block_processor_begin_file(pending_->processor.get(), &pending_->inodes[place], nullptr, flags),
        "compress a file");
    return *this;
}

void DataWriter::data(std::span<const std::byte> bytes) {
    if (stop_.stop_requested()) throw Error{"the conversion was stopped"};
    output_.file.check(sqfs_block_processor_append(pending_->processor.get(), bytes.data(), bytes.size()),
                       "compress a file");
}

void DataWriter::hole(std::uint64_t bytes) {
    static constexpr std::array<std::byte, 65536> zeros{};
    while (bytes != 0) {
        const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, zeros.size()));
        data(std::span{zeros}.first(part));
        bytes -= part;
    }
}

void DataWriter::end_file() {
    output_.file.check(sqfs_block_processor_end_file(pending_->processor.get()), "compress a file");
}

void DataWriter::finish() {
    harvest();
    output_.file.check(sqfs_block_processor_finish(pending_->processor.get()), "compress a file");
    pending_->finished = true; // what follows is written
    pending_.reset();
}

void DataWriter::harvest() {
    output_.file.check(sqfs_block_processor_sync(pending_->processor.get()), "compress a file");
    for (std::size_t i = 0; i < pending_->count; ++i) {
        const auto inode = std::unique_ptr<sqfs_inode_generic_t, SqfsFree>{std::exchange(pending_->inodes[i], nullptr)};
        FileData file;
        sqfs_u64 value = 0;
        check_sqfs(sqfs_inode_get_file_block_start(inode.get(), &value), "read an inode");
        file.start = value;
        check_sqfs(sqfs_inode_get_file_size(inode.get(), &value), "read an inode");
        file.size_bytes = value;
        check_sqfs(sqfs_inode_get_frag_location(inode.get(), &file.fragment, &file.fragment_offset), "read an inode");
        if (inode->base.type == SQFS_INODE_EXT_FILE) file.sparse_bytes = inode->data.file_ext.sparse;
        file.first_block = block_sizes_.size();
        file.blocks = static_cast<std::uint32_t>(sqfs_inode_get_file_block_count(inode.get()));
        for (std::uint32_t block = 0; block < file.blocks; ++block) block_sizes_.push_back(inode->extra[block]);
        tree_.inode(pending_->numbers[i]).content = files_.push_back(file);
    }
    pending_->count = 0;
}

} // namespace shifter::squash
