/**
 * @file
 * What is remembered of a converted layer, as it is written: its tar entries, where its blocks lie in the image, and
 * the blocks of files that no image holds. cached_layer.hpp reads it. Only for the .cpp files of this layer.
 *
 * The file: a magic line, chunks of {u32 kind, u32 bytes} and their content (packed.hpp where it is a table), and a
 * trailer with the fingerprint of everything but blocks, which have their own. Numbers are as this machine has them;
 * another machine's file is refused.
 */
#pragma once

#include "base/unique_fd.hpp"
#include "layers/layer_entry.hpp"
#include "squash/layer_blocks.hpp"
#include "squash/packed.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::squash {

inline constexpr std::string_view record_magic = "shifter layer 2\n";

enum class ChunkKind : std::uint32_t { entries = 1, data, files, fragments, block_sizes, order, image };
struct ChunkHead {
    ChunkKind kind;
    std::uint32_t bytes;
};
struct RecordTrailer {
    Fingerprint fingerprint;
    std::uint64_t size_bytes; ///< of the file, trailer included
    std::array<char, 8> magic;
};
inline constexpr std::array<char, 8> trailer_magic = {'e', 'n', 'd', ' ', 'l', 'y', 'r', '\n'};

/** A failure to write is noted, and nothing more: the image does not depend on it. */
class LayerRecord {
public:
    /** `path` does not exist; `layer` is its place in the manifest. */
    LayerRecord(std::string path, std::size_t layer, const oci::KeyedHasher::Key & key, const std::string & image_path);

    void add(const layers::LayerEntry & entry);
    /** A chunk of entries, packed, as another record has it. */
    void add_entries(std::span<const std::byte> packed);
    /** Keeps blocks of which no image has a copy; returns where, for the tables. */
    [[nodiscard]] std::uint64_t keep(std::span<const std::byte> bytes);
    [[nodiscard]] std::uint64_t keep_from(int fd, std::uint64_t offset, std::uint64_t bytes);
    /** Writes the tables and the trailer, syncs nothing, and closes. */
    void finish(const LayerBlocks & blocks);

    [[nodiscard]] bool has_failed() const noexcept { return failed_; }
    [[nodiscard]] bool is_finished() const noexcept { return finished_; }
    [[nodiscard]] const std::string & path() const noexcept { return path_; }
    [[nodiscard]] std::size_t layer() const noexcept { return layer_; }

private:
    void chunk(ChunkKind kind, std::span<const std::byte> bytes);
    void write(std::span<const std::byte> bytes, bool is_hashed);
    void flush_entries();
    void flush();
    template <class T> void table(ChunkKind kind, const layers::Segmented<T> & values);
    template <class Action> void guarded(Action action);

    std::string path_;
    std::size_t layer_;
    oci::KeyedHasher hasher_;
    Packer packer_;
    UniqueFd fd_;
    std::vector<std::byte> entries_;
    std::vector<std::byte> buffer_;
    std::uint64_t position_ = 0; ///< buffered bytes included
    bool failed_ = false;
    bool finished_ = false;
};

/** Passes a layer's entries on, and tells the record of each. */
class RecordedSource : public layers::EntrySource {
public:
    RecordedSource(layers::EntrySource & source, LayerRecord * record) : source_{source}, record_{record} {}
    [[nodiscard]] bool next(layers::LayerEntry & entry) override {
        if (!source_.next(entry)) return false;
        if (record_ != nullptr) record_->add(entry);
        return true;
    }
    void read_body(layers::BodySink & sink) override { source_.read_body(sink); }
    [[nodiscard]] const std::string & name() const noexcept override { return source_.name(); }

private:
    layers::EntrySource & source_;
    LayerRecord * record_;
};

} // namespace shifter::squash
