// Placing: where blocks go in the image, and how those of an earlier conversion get there.
#include "squash/block_pool.hpp"
#include "squash/cached_layer.hpp"
#include "squash/data_writer.hpp"
#include "squash/layer_state.hpp"
#include "squash/output.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <unordered_set>

namespace shifter::squash {
namespace {

/** A layer's blocks begin where a file system's do: then those that can share blocks between files do so. */
constexpr std::uint64_t layer_alignment = 4096;

} // namespace

void DataWriter::align(LayerState & layer) {
    if (layer.is_aligned) return;
    layer.is_aligned = true;
    static constexpr std::array<std::byte, layer_alignment> zeros{};
    const std::uint64_t missing = (layer_alignment - position_ % layer_alignment) % layer_alignment;
    output_.file.write_at(position_, std::span{zeros}.first(static_cast<std::size_t>(missing)));
    position_ += missing;
}

// ---------------------------------------------------------------------------------------------- files by their content

std::uint32_t DataWriter::find(const Fingerprint & fingerprint, std::uint64_t size_bytes) const {
    const std::size_t mask = table_.size() - 1;
    for (std::size_t slot = fingerprint[0] & mask; table_[slot] != nowhere; slot = (slot + 1) & mask) {
        const FileData & file = files_[table_[slot]];
        if (file.fingerprint == fingerprint && file.size_bytes == size_bytes) return table_[slot];
    }
    return nowhere;
}

void DataWriter::insert(std::uint32_t index) {
    const std::size_t mask = table_.size() - 1;
    std::size_t slot = files_[index].fingerprint[0] & mask;
    while (table_[slot] != nowhere) slot = (slot + 1) & mask;
    table_[slot] = index;
}

std::uint32_t DataWriter::add_file(const FileData & file) {
    const std::uint32_t added = files_.push_back(file);
    if (std::size_t{files_.size()} * 4 >= table_.size() * 3) {
        const std::size_t size = table_.size() * 2;
        table_ = {}; // the old one first: both at once would be the peak
        table_.assign(size, nowhere);
        for (std::uint32_t index = 0; index < added; ++index) insert(index);
    }
    insert(added);
    return added;
}

void DataWriter::set_content(layers::InodeIndex inode, std::uint32_t index) {
    tree_.inode(tree_.resolve(inode)).content = index;
}

bool DataWriter::use_small(LayerState & layer, std::uint32_t number, layers::InodeIndex inode) {
    const StoredFile & stored = layer.blocks.files[number];
    if (const std::uint32_t same = find(stored.fingerprint, stored.size_bytes); same != nowhere) {
        set_content(inode, same);
        return false;
    }
    std::uint32_t & fragment = layer.image_fragments[stored.fragment];
    const bool is_first = fragment == nowhere;
    if (is_first)
        check_sqfs(sqfs_frag_table_append(output_.fragments.get(), 0, 0, &fragment), "write the fragment table");
    FileData file;
    file.fingerprint = stored.fingerprint;
    file.size_bytes = stored.size_bytes;
    file.fragment = fragment;
    file.fragment_offset = static_cast<std::uint32_t>(stored.offset);
    set_content(inode, add_file(file));
    return is_first;
}

/** The big file, whose blocks lie or are to lie at `start`, is in the image; its place is that of an equal one, if any.
 */
void DataWriter::place_big(LayerState & layer, std::uint32_t number, layers::InodeIndex inode, std::uint64_t start) {
    StoredFile & stored = layer.blocks.files[number];
    if (const std::uint32_t same = find(stored.fingerprint, stored.size_bytes); same != nowhere) {
        set_content(inode, same);
        stored.offset = files_[same].start;
        return;
    }
    FileData file;
    file.fingerprint = stored.fingerprint;
    file.start = stored.offset = start;
    file.size_bytes = stored.size_bytes;
    file.first_block = block_sizes_.size();
    file.blocks = block_count(stored.size_bytes, options_.block_bytes);
    for (std::uint32_t i = 0; i < file.blocks; ++i) {
        const std::uint32_t size_word = layer.blocks.block_sizes[stored.first_block + i];
        (void)block_sizes_.push_back(size_word);
        const std::uint64_t begin = std::uint64_t{i} * options_.block_bytes;
        if (size_word == 0) file.sparse_bytes += std::min<std::uint64_t>(options_.block_bytes, file.size_bytes - begin);
    }
    set_content(inode, add_file(file));
}

// ---------------------------------------------------------------------------------------------- an earlier conversion

/** Joins ranges that follow each other, in the source and in the image, to one. */
class DataWriter::Copier {
public:
    Copier(OutputFile & file, const CachedLayer & cached, const std::stop_token & stop)
        : file_{file}, cached_{cached}, stop_{stop} {}

    void copy(std::uint64_t from, std::uint64_t to, std::uint64_t bytes) {
        if (bytes_ == 0 || from != from_ + bytes_ || to != to_ + bytes_) {
            flush();
            from_ = from;
            to_ = to;
            bytes_ = 0;
        }
        bytes_ += bytes;
    }
    void flush() {
        if (stop_.stop_requested()) throw Error{"the conversion was stopped"};
        if (bytes_ == 0) return;
        const auto [fd, offset] = cached_.source(from_);
        file_.copy_from(fd, offset, to_, bytes_);
        bytes_ = 0;
    }

private:
    OutputFile & file_;
    const CachedLayer & cached_;
    const std::stop_token & stop_;
    std::uint64_t from_ = 0;
    std::uint64_t to_ = 0;
    std::uint64_t bytes_ = 0;
};

bool DataWriter::is_all_there(const CachedLayer & cached, const LayerBlocks & blocks) const {
    std::vector<std::uint32_t> items;
    std::vector<bool> has_fragment(blocks.fragments.size(), false);
    std::unordered_set<std::uint64_t>
        seen; // of this layer; fingerprints are as good as random, and half of one will do
    for (const auto & pass : wanted_) {
        for (const WantedFile & wanted : pass) {
            if (wanted.number >= blocks.files.size()) return false;
            const StoredFile & file = blocks.files[wanted.number];
            const bool is_small = file.size_bytes < options_.block_bytes;
            // What the image has already, from an upper layer or from this one, will not be copied.
            if (find(file.fingerprint, file.size_bytes) != nowhere || !seen.insert(file.fingerprint[0]).second)
                continue;
            if (is_small && has_fragment.at(file.fragment)) continue;
            if (is_small) has_fragment.at(file.fragment) = true;
            const std::uint64_t offset = is_small ? blocks.fragments[file.fragment].offset : file.offset;
            if (!cached.has(offset)) return false;
            items.push_back(is_small ? file.fragment | fragment_mark : wanted.number);
        }
    }
    // The reads are as good as the disk; the rest is for all cores.
    const std::size_t parts = std::clamp<std::size_t>(items.size() / 64, 1, options_.compressors());
    std::vector<std::future<bool>> checks;
    for (std::size_t part = 0; part < parts; ++part) {
        const auto begin = items.begin() + static_cast<std::ptrdiff_t>(items.size() * part / parts);
        const auto end = items.begin() + static_cast<std::ptrdiff_t>(items.size() * (part + 1) / parts);
        checks.push_back(std::async(parts == 1 ? std::launch::deferred : std::launch::async, [&, begin, end] {
            return cached.is_as_it_was(blocks, {begin, end}, options_.block_bytes, stop_);
        }));
    }
    bool all = true;
    for (auto & check : checks) all = check.get() && all;
    return all;
}

bool DataWriter::place(CachedLayer & cached, std::unique_ptr<LayerRecord> & record) {
    pool_->drain(); // then it is known what the image has, and where it ends
    if (!is_all_there(cached, cached.blocks())) return false;
    auto layer = std::make_shared<LayerState>();
    layer->blocks = cached.take_blocks();
    layer->record = std::move(record);
    for (std::uint32_t i = 0; i < layer->blocks.fragments.size(); ++i) (void)layer->image_fragments.push_back(nowhere);
    align(*layer);
    Copier copier{output_.file, cached, stop_};
    std::vector<bool> is_placed(std::size_t{layer->blocks.files.size()});
    for (const auto & pass : wanted_) {
        for (const WantedFile & wanted : pass) is_placed[wanted.number] = true;
        place_pass(*layer, pass, copier);
    }
    copier.flush();
    if (layer->record) {
        cached.copy_entries(*layer->record);
        carry(*layer, cached, is_placed);
        layer->record->finish(layer->blocks);
        finished_.push_back(std::move(layer->record));
    }
    wanted_ = {};
    return true;
}

/** In the order in which packing would have written the same. */
void DataWriter::place_pass(LayerState & layer, const std::vector<WantedFile> & wanted, Copier & copier) {
    LayerBlocks & blocks = layer.blocks;
    std::vector<bool> is_fresh(blocks.fragments.size(), false);
    std::vector<layers::InodeIndex> inodes(blocks.files.size(), layers::none);
    for (const auto & [number, inode] : wanted) {
        const StoredFile & file = blocks.files[number];
        layer.seen_bytes += file.size_bytes;
        if (file.size_bytes >= options_.block_bytes)
            inodes[number] = inode;
        else if (use_small(layer, number, inode))
            is_fresh[file.fragment] = true;
    }
    for (std::uint32_t i = 0; i < blocks.order.size(); ++i) {
        const std::uint32_t item = blocks.order[i];
        if ((item & fragment_mark) != 0) {
            if (!is_fresh.at(item & ~fragment_mark)) continue;
            StoredFragment & fragment = blocks.fragments[item & ~fragment_mark];
            const std::uint32_t bytes = stored_bytes(fragment.size_word);
            copier.copy(fragment.offset, position_, bytes);
            check_sqfs(sqfs_frag_table_set(output_.fragments.get(), layer.image_fragments[item & ~fragment_mark],
                                           position_, fragment.size_word),
                       "write the fragment table");
            fragment.offset = position_;
            position_ += bytes;
        } else if (inodes.at(item) != layers::none) {
            StoredFile & file = blocks.files[item];
            const std::uint64_t from = file.offset;
            const std::uint64_t bytes = stored_bytes(blocks, file, options_.block_bytes);
            place_big(layer, item, inodes[item], position_);
            if (file.offset != position_) continue;
            copier.copy(from, position_, bytes);
            position_ += bytes;
        }
    }
}

/** What this image does not hold stays with the layer, within its bounds. */
void DataWriter::carry(LayerState & layer, const CachedLayer & cached, const std::vector<bool> & is_placed) {
    LayerBlocks & blocks = layer.blocks;
    const auto keep = [&](std::uint64_t & offset, std::uint64_t unpacked, std::uint64_t bytes) {
        if (cached.has(offset) && may_keep(layer, unpacked)) {
            const auto [fd, at] = cached.source(offset);
            offset = layer.record->keep_from(fd, at, bytes);
        } else {
            offset = absent;
        }
    };
    for (std::uint32_t i = 0; i < blocks.fragments.size(); ++i) {
        StoredFragment & fragment = blocks.fragments[i];
        if (layer.image_fragments[i] == nowhere)
            keep(fragment.offset, options_.block_bytes, stored_bytes(fragment.size_word));
    }
    for (std::uint32_t i = 0; i < blocks.files.size(); ++i) {
        StoredFile & file = blocks.files[i];
        if (file.size_bytes < options_.block_bytes || is_placed[i] || file.offset == absent) continue;
        keep(file.offset, file.size_bytes, stored_bytes(blocks, file, options_.block_bytes));
    }
}

} // namespace shifter::squash
