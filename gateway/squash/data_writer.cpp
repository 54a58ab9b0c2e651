// Packing: from bodies to blocks, in the archive's order. Where they go in the image: placing.cpp.
#include "squash/data_writer.hpp"

#include "squash/block_pool.hpp"
#include "squash/layer_state.hpp"
#include "squash/output.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace shifter::squash {
namespace {

// A hidden file may be seen in the next image that holds the layer. Up to here it is compressed for the cache.
constexpr std::uint64_t most_hidden_bytes = 4U << 20U; ///< of one file
constexpr std::uint64_t hidden_share = 32;             ///< of what is seen, one part in so many
constexpr std::uint64_t hidden_least = 1U << 20U;      ///< and this much always

} // namespace

void fold(oci::KeyedHasher & hasher, std::uint32_t size_word, const Fingerprint & fingerprint) {
    hasher.update(std::as_bytes(std::span{&size_word, 1}));
    hasher.update(std::as_bytes(std::span{fingerprint}));
}

DataWriter::DataWriter(Output & output, layers::Tree & tree, const Options & options,
                       const oci::KeyedHasher::Key & key, std::stop_token stop)
    : output_{output}, tree_{tree}, options_{options}, key_{key}, stop_{std::move(stop)}, table_(64, nowhere),
      position_{output.file.size_bytes()}, content_hasher_{key}, fold_hasher_{key},
      pool_{std::make_unique<BlockPool>(options, key, [this](Block & block) { retire(block); })} {}

DataWriter::~DataWriter() = default;

void DataWriter::begin_layer(std::unique_ptr<LayerRecord> record) {
    layer_ = std::make_shared<LayerState>();
    layer_->record = std::move(record);
    is_cached_ = false;
    pass_ = next_file_ = next_fragment_ = 0;
}

void DataWriter::begin_cached_layer() {
    layer_.reset();
    is_cached_ = true;
    pass_ = next_file_ = 0;
    wanted_ = {};
}

void DataWriter::begin_second_pass() {
    if (!is_cached_) close_fragment();
    pass_ = 1;
    next_file_ = next_fragment_ = 0;
}

void DataWriter::end_layer() {
    close_fragment();
    auto end = pool_->take();
    end->kind = Block::Kind::end_of_layer;
    end->layer = std::exchange(layer_, nullptr);
    pool_->submit(std::move(end));
}

LayerRecord * DataWriter::record() const noexcept { return layer_ ? layer_->record.get() : nullptr; }

std::vector<std::unique_ptr<LayerRecord>> DataWriter::take_records() { return std::move(finished_); }

void DataWriter::finish() {
    pool_->drain();
    // Tables begin where the next layer would.
    LayerState end;
    align(end);
    output_.file.cut_to(position_);
}

// ---------------------------------------------------------------------------------------------- bodies

layers::BodySink * DataWriter::begin_file(layers::InodeIndex inode, std::uint64_t size_bytes) {
    if (is_cached_) {
        wanted_.at(pass_).push_back({next_file_++, inode});
        return nullptr;
    }
    layer_->seen_bytes += size_bytes;
    begin_body(inode, size_bytes);
    return this;
}

layers::BodySink * DataWriter::begin_hidden_file(std::uint64_t size_bytes) {
    if (!is_cached_ && (size_bytes < options_.block_bytes || (pass_ == 0 && may_keep(*layer_, size_bytes)))) {
        begin_body(layers::none, size_bytes);
        return this;
    }
    if (!is_cached_ && pass_ == 0) note_file(size_bytes);
    ++next_file_;
    return nullptr;
}

/** Whether what nobody sees in this image is compressed for the next one. */
bool DataWriter::may_keep(LayerState & layer, std::uint64_t size_bytes) {
    if (!layer.record || layer.record->has_failed() || size_bytes > most_hidden_bytes) return false;
    const std::uint64_t most = std::max(hidden_least, layer.seen_bytes / hidden_share);
    if (layer.kept_bytes + size_bytes > most) return false;
    layer.kept_bytes += size_bytes;
    return true;
}

void DataWriter::note_file(std::uint64_t size_bytes) {
    LayerBlocks & blocks = layer_->blocks;
    StoredFile file;
    file.size_bytes = size_bytes;
    const std::uint32_t number = blocks.files.push_back(file);
    if (size_bytes >= options_.block_bytes) (void)blocks.order.push_back(number);
}

void DataWriter::begin_body(layers::InodeIndex inode, std::uint64_t size_bytes) {
    LayerBlocks & blocks = layer_->blocks;
    if (pass_ == 0) note_file(size_bytes);
    current_ = next_file_++;
    current_inode_ = inode;
    current_size_ = size_bytes;
    current_done_ = 0;
    StoredFile & stored = blocks.files[current_];
    if (size_bytes >= options_.block_bytes) {
        if (stored.first_block == nowhere) {
            stored.first_block = blocks.block_sizes.size();
            for (std::uint32_t i = 0; i < block_count(size_bytes, options_.block_bytes); ++i)
                (void)blocks.block_sizes.push_back(0);
        }
        return;
    }
    if (fragment_ && fragment_->size + size_bytes > options_.block_bytes) close_fragment();
    if (!fragment_) {
        fragment_ = pool_->take();
        fragment_->kind = Block::Kind::fragment;
        fragment_->layer = layer_;
        fragment_->number = next_fragment_++;
        if (pass_ == 0) {
            (void)blocks.fragments.push_back({});
            (void)layer_->image_fragments.push_back(nowhere);
        }
    }
    stored.fragment = fragment_->number;
    stored.offset = fragment_->size;
}

void DataWriter::data(std::span<const std::byte> bytes) {
    if (stop_.stop_requested()) throw Error{"the conversion was stopped"};
    current_done_ += bytes.size();
    if (current_size_ < options_.block_bytes) {
        content_hasher_.update(bytes);
        std::memcpy(fragment_->bytes.data() + fragment_->size, bytes.data(), bytes.size());
        fragment_->size += bytes.size();
        return;
    }
    while (!bytes.empty()) {
        if (!piece_) {
            piece_ = pool_->take();
            piece_->layer = layer_;
            piece_->number = current_;
            piece_->inode = current_inode_;
            piece_->piece = static_cast<std::uint32_t>((current_done_ - bytes.size()) / options_.block_bytes);
        }
        const std::size_t part = std::min<std::size_t>(bytes.size(), options_.block_bytes - piece_->size);
        std::memcpy(piece_->bytes.data() + piece_->size, bytes.data(), part);
        piece_->size += part;
        bytes = bytes.subspan(part);
        if (piece_->size == options_.block_bytes || (bytes.empty() && current_done_ == current_size_)) submit_piece();
    }
}

void DataWriter::hole(std::uint64_t bytes) {
    static constexpr std::array<std::byte, 65536> zeros{};
    while (bytes != 0) {
        const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, zeros.size()));
        data(std::span{zeros}.first(part));
        bytes -= part;
    }
}

void DataWriter::submit_piece() {
    const bool is_last = piece_->piece + 1 == block_count(current_size_, options_.block_bytes);
    piece_->kind = is_last ? Block::Kind::last_piece : Block::Kind::piece;
    pool_->submit(std::move(piece_));
}

void DataWriter::end_file() {
    if (current_size_ >= options_.block_bytes) return;
    layer_->blocks.files[current_].fingerprint = content_hasher_.finish();
    if (current_inode_ != layers::none && use_small(*layer_, current_, current_inode_))
        fragment_->image_fragment = layer_->image_fragments[fragment_->number];
}

void DataWriter::close_fragment() {
    if (!fragment_) return;
    auto fragment = std::move(fragment_);
    if (pass_ == 0) (void)layer_->blocks.order.push_back(fragment->number | fragment_mark);
    if (fragment->image_fragment != nowhere || (pass_ == 0 && may_keep(*layer_, fragment->size)))
        pool_->submit(std::move(fragment));
    else
        pool_->give_back(std::move(fragment));
}

// ---------------------------------------------------------------------------------------------- blocks

void DataWriter::retire(Block & block) {
    switch (block.kind) {
    case Block::Kind::piece:
    case Block::Kind::last_piece:
        return retire_piece(block);
    case Block::Kind::fragment:
        return retire_fragment(block);
    case Block::Kind::end_of_layer:
        if (block.layer->record) {
            block.layer->record->finish(block.layer->blocks);
            finished_.push_back(std::move(block.layer->record));
        }
    }
}

void DataWriter::retire_piece(Block & block) {
    LayerState & layer = *block.layer;
    StoredFile & stored = layer.blocks.files[block.number];
    layer.blocks.block_sizes[stored.first_block + block.piece] = block.size_word;
    fold(fold_hasher_, block.size_word, block.fingerprint);
    const auto bytes = std::span{std::as_const(block.bytes)}.first(block.size);
    const bool is_last = block.kind == Block::Kind::last_piece;
    if (block.inode == layers::none) {
        layer.hidden.insert(layer.hidden.end(), bytes.begin(), bytes.end());
        if (!is_last) return;
        stored.fingerprint = fold_hasher_.finish();
        stored.offset = layer.record->keep(layer.hidden);
        layer.hidden.clear();
        return;
    }
    if (block.piece == 0) {
        align(layer);
        big_start_ = position_;
    }
    output_.file.write_at(position_, bytes);
    position_ += bytes.size();
    if (!is_last) return;
    stored.fingerprint = fold_hasher_.finish();
    place_big(layer, block.number, block.inode, big_start_);
    // Written for nothing, if the image has it already: the next block goes over it.
    if (stored.offset != big_start_) position_ = big_start_;
}

void DataWriter::retire_fragment(Block & block) {
    LayerState & layer = *block.layer;
    StoredFragment & stored = layer.blocks.fragments[block.number];
    const auto bytes = std::span{std::as_const(block.bytes)}.first(block.size);
    stored.size_word = block.size_word;
    stored.fingerprint = block.fingerprint;
    if (block.image_fragment == nowhere) {
        stored.offset = layer.record->keep(bytes);
        return;
    }
    align(layer);
    stored.offset = position_;
    output_.file.write_at(position_, bytes);
    check_sqfs(sqfs_frag_table_set(output_.fragments.get(), block.image_fragment, position_, block.size_word),
               "write the fragment table");
    position_ += bytes.size();
}

} // namespace shifter::squash
