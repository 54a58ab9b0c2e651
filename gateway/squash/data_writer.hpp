/**
 * @file
 * The bodies of files, as compressed blocks and fragments at the front of the squashfs. All compressors work at once;
 * what is written, and in which order, depends neither on their pace nor on what was copied from an earlier conversion.
 */
#pragma once

#include "layers/segmented.hpp"
#include "layers/tree_merger.hpp"
#include "squash/layer_blocks.hpp"
#include "squash/options.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

namespace shifter::squash {

class Output;      // the open squashfs (output.hpp)
class BlockPool;   // block_pool.hpp
class CachedLayer; // cached_layer.hpp
class LayerRecord; // layer_record.hpp
struct Block;
struct LayerState;

/** Where the body of one file lies. */
struct FileData {
    Fingerprint fingerprint{};
    std::uint64_t start = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t sparse_bytes = 0;
    std::uint32_t fragment = nowhere;
    std::uint32_t fragment_offset = nowhere;
    std::uint32_t first_block = 0; ///< in DataWriter::block_size()
    std::uint32_t blocks = 0;
};

/** A file of a layer, by its number among those with a body, and what it is in the image. */
struct WantedFile {
    std::uint32_t number;
    layers::InodeIndex inode;
};
/** Of a layer as it is read, and of a second pass over it (hard links whose targets were passed over). */
using WantedFiles = std::array<std::vector<WantedFile>, 2>;

/** Sets Inode::content to the number of a FileData; empty files have none. Files with the same content share one. */
class DataWriter : public layers::TreeSink, private layers::BodySink {
public:
    DataWriter(Output & output, layers::Tree & tree, const Options & options, const oci::KeyedHasher::Key & key,
               std::stop_token stop);
    ~DataWriter() override;

    /** The next layer's bodies come in the archive's order; `record`, if any, learns where they lie. */
    void begin_layer(std::unique_ptr<LayerRecord> record);
    /** The same bodies come once more, since some are needed that had been passed over. */
    void begin_second_pass();
    void end_layer();
    [[nodiscard]] LayerRecord * record() const noexcept;

    /** The next layer is an earlier conversion's: bodies are not asked for, and what is wanted is remembered. */
    void begin_cached_layer();
    /**
     * Copies what is wanted, after a look whether all of it is there and as it was. False if not; nothing was done then,
     * and take_wanted() says what the layer itself has to give.
     */
    [[nodiscard]] bool place(CachedLayer & layer, std::unique_ptr<LayerRecord> & record);
    [[nodiscard]] WantedFiles take_wanted() { return std::move(wanted_); }

    layers::BodySink * begin_file(layers::InodeIndex inode, std::uint64_t size_bytes) override;
    layers::BodySink * begin_hidden_file(std::uint64_t size_bytes) override;
    void end_file() override;
    /** After the last file: waits for what is on its way. */
    void finish();
    /** After finish(): what was learned of the layers. */
    [[nodiscard]] std::vector<std::unique_ptr<LayerRecord>> take_records();

    [[nodiscard]] const FileData & file(std::uint32_t index) const { return files_[index]; }
    [[nodiscard]] std::uint32_t block_size(std::uint32_t index) const { return block_sizes_[index]; }

private:
    void data(std::span<const std::byte> bytes) override;
    void hole(std::uint64_t bytes) override;

    // Packing (data_writer.cpp)
    void begin_body(layers::InodeIndex inode, std::uint64_t size_bytes);
    void note_file(std::uint64_t size_bytes);
    void submit_piece();
    void close_fragment();
    [[nodiscard]] static bool may_keep(LayerState & layer, std::uint64_t size_bytes);
    void retire(Block & block);
    void retire_piece(Block & block);
    void retire_fragment(Block & block);

    // Placing (placing.cpp)
    void align(LayerState & layer);
    [[nodiscard]] std::uint32_t find(const Fingerprint & fingerprint, std::uint64_t size_bytes) const;
    std::uint32_t add_file(const FileData & file);
    void insert(std::uint32_t index);
    /** The small file is in the image. True if its fragment block was not, so far. */
    bool use_small(LayerState & layer, std::uint32_t number, layers::InodeIndex inode);
    void place_big(LayerState & layer, std::uint32_t number, layers::InodeIndex inode, std::uint64_t start);
    void set_content(layers::InodeIndex inode, std::uint32_t index);
    class Copier;
    void place_pass(LayerState & layer, const std::vector<WantedFile> & wanted, Copier & copier);
    void carry(LayerState & layer, const CachedLayer & cached, const std::vector<bool> & is_placed);
    [[nodiscard]] bool is_all_there(const CachedLayer & cached, const LayerBlocks & blocks) const;

    Output & output_;
    layers::Tree & tree_;
    Options options_;
    oci::KeyedHasher::Key key_;
    std::stop_token stop_;
    layers::Segmented<FileData> files_;
    layers::Segmented<std::uint32_t> block_sizes_;
    std::vector<std::uint32_t> table_; ///< of files_ by fingerprint: open addressing, a power of two
    std::uint64_t position_ = 0;       ///< where the next byte goes

    std::shared_ptr<LayerState> layer_;
    bool is_cached_ = false;
    unsigned pass_ = 0;
    std::uint32_t next_file_ = 0;     ///< number in this pass over the layer
    std::uint32_t next_fragment_ = 0; ///< likewise
    WantedFiles wanted_;
    std::uint32_t current_ = 0; ///< the file whose body comes
    layers::InodeIndex current_inode_ = layers::none;
    std::uint64_t current_size_ = 0;
    std::uint64_t current_done_ = 0;
    std::unique_ptr<Block> piece_;    ///< of a big file
    std::unique_ptr<Block> fragment_; ///< that is being filled
    oci::KeyedHasher content_hasher_; ///< of the small file whose body comes
    oci::KeyedHasher fold_hasher_;    ///< of the big file whose blocks are retired
    std::uint64_t big_start_ = 0;     ///< of the same
    std::vector<std::unique_ptr<LayerRecord>> finished_;
    std::unique_ptr<BlockPool> pool_; ///< last: its threads end before what they use
};

/** What a big file's fingerprint is made of, block by block. */
void fold(oci::KeyedHasher & hasher, std::uint32_t size_word, const Fingerprint & fingerprint);

} // namespace shifter::squash
