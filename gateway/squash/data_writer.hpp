/**
 * @file
 * The bodies of files, as compressed blocks and fragments at the front of the squashfs. All compressors work at once;
 * what is written, and in which order, does not depend on their pace.
 */
#pragma once

#include "layers/segmented.hpp"
#include "layers/tree_merger.hpp"
#include "squash/options.hpp"

#include <cstdint>
#include <memory>
#include <stop_token>

namespace shifter::squash {

class Output; // the open squashfs (output.hpp)

/** Where the body of one file lies. */
struct FileData {
    std::uint64_t start = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t sparse_bytes = 0;
    std::uint32_t fragment = 0xffffffff;
    std::uint32_t fragment_offset = 0xffffffff;
    std::uint32_t first_block = 0; ///< in DataWriter::block_sizes()
    std::uint32_t blocks = 0;
};

/** Sets Inode::content to the number of a FileData; empty files have none. */
class DataWriter : public layers::TreeSink, private layers::BodySink {
public:
    DataWriter(Output & output, layers::Tree & tree, const Options & options, std::stop_token stop);
    ~DataWriter() override;

    layers::BodySink & begin_file(layers::InodeIndex inode, std::uint64_t size_bytes) override;
    void end_file() override;
    /** After the last file: waits for what is on its way. */
    void finish();

    [[nodiscard]] const FileData & file(std::uint32_t index) const { return files_[index]; }
    [[nodiscard]] std::uint32_t block_size(std::uint32_t index) const { return block_sizes_[index]; }

private:
    void data(std::span<const std::byte> bytes) override;
    void hole(std::uint64_t bytes) override;
    void harvest();

    struct Pending;
    Output & output_;
    layers::Tree & tree_;
    std::stop_token stop_;
    std::unique_ptr<Pending> pending_;
    layers::Segmented<FileData> files_;
    layers::Segmented<std::uint32_t> block_sizes_;
};

} // namespace shifter::squash
