/**
 * @file
 * A converted layer, as an earlier conversion has left it (layer_record.hpp). What does not bear its fingerprint is not
 * used. Only for the .cpp files of this layer.
 */
#pragma once

#include "base/unique_fd.hpp"
#include "layers/layer_entry.hpp"
#include "squash/layer_blocks.hpp"

#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace shifter::squash {

class LayerRecord;

class CachedLayer {
public:
    /** Opens the record at `path`. Nothing when there is none; one that is damaged is removed. */
    [[nodiscard]] static std::unique_ptr<CachedLayer> open(const std::string & path, const oci::KeyedHasher::Key & key);

    [[nodiscard]] const LayerBlocks & blocks() const noexcept { return blocks_; }
    [[nodiscard]] LayerBlocks take_blocks() { return std::move(blocks_); }
    /** The entries from the first on; bodies cannot be read. Outlived by this. */
    [[nodiscard]] std::unique_ptr<layers::EntrySource> entries(std::string name) const;
    void copy_entries(LayerRecord & record) const;

    /** Whether blocks at this place of the tables can be read at all: their image may be gone. */
    [[nodiscard]] bool has(std::uint64_t offset) const noexcept;
    /** Descriptor and offset of a place of the tables. */
    [[nodiscard]] std::pair<int, std::uint64_t> source(std::uint64_t offset) const noexcept;
    /** Reads what `items` of LayerBlocks::order stand for, and compares. Thread-safe. */
    [[nodiscard]] bool is_as_it_was(const LayerBlocks & blocks, std::vector<std::uint32_t> items,
                                    std::uint32_t block_bytes, const std::stop_token & stop) const;

private:
    struct Range {
        std::uint64_t offset;
        std::uint32_t bytes;
    };
    class Entries;

    explicit CachedLayer(UniqueFd fd, const oci::KeyedHasher::Key & key) : fd_{std::move(fd)}, key_{key} {}
    [[nodiscard]] bool load();

    UniqueFd fd_;
    UniqueFd image_;
    oci::KeyedHasher::Key key_;
    LayerBlocks blocks_;
    std::vector<Range> entries_;
};

} // namespace shifter::squash
