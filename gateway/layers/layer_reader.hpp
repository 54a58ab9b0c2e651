/**
 * @file
 * Reads the tar stream of one layer, entry by entry. Names are bytes, and stay what they are (I22).
 *
 * Formats: v7, ustar, GNU (long names, sparse), star's numbers, pax. Links, devices, directories and FIFOs have no body
 * whatever their size field says, as in GNU tar and in Docker. Anything odd is an error: a reader that guesses sees
 * another tree than its neighbour (I24). Why not libarchive: docs/explanation/layers.md.
 */
#pragma once

#include "layers/layer_entry.hpp"
#include "layers/limits.hpp"
#include "layers/pax.hpp"
#include "layers/tar_header.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::layers {

/** The next piece of a stream, valid until the next call; empty at the end. */
using NextPiece = std::function<std::span<const std::byte>()>;

/**
 * `text` without leading "/" and "./", without "." and empty components and a trailing slash.
 * @throws BadLayer  for "..", a component of more than 255 bytes, and paths beyond `limits`
 */
[[nodiscard]] std::string normal_path(std::string_view text, const Limits & limits);

class LayerReader : public EntrySource {
public:
    /** `name` goes in front of messages: "layer sha256:…". */
    LayerReader(std::string name, NextPiece next_piece, const Limits & limits);

    /** The next entry, or false at the end of the archive; what was left of the last body is skipped. @throws Error
     * naming the layer, or what `next_piece` threw */
    [[nodiscard]] bool next(LayerEntry & entry) override;
    /** Gives the body of the current file to `sink`: exactly entry.size_bytes, holes included. At most once. */
    void read_body(BodySink & sink) override;

    [[nodiscard]] const std::string & name() const noexcept override { return name_; }

private:
    /** The current piece, refilled when it is used up; empty at the end of the stream. */
    [[nodiscard]] std::span<const std::byte> piece();
    [[nodiscard]] bool read_block(TarBlock & block);
    void read_exactly(TarBlock & block);
    [[nodiscard]] std::string read_header_body(std::uint64_t size);
    void copy(std::uint64_t count, BodySink * sink);
    void skip_body();
    void expect_only_zeros();

    [[nodiscard]] bool read_entry(LayerEntry & entry);
    void fill(LayerEntry & entry, TarHeader & header, const PaxRecords & pax);
    void read_sparse_map(LayerEntry & entry, const TarHeader & header, const PaxRecords & pax);
    void read_map_in_body();
    [[nodiscard]] std::uint64_t read_map_number(TarBlock & block, std::size_t & position);
    void check_map(std::uint64_t real_size) const;

    std::string name_;
    NextPiece next_piece_;
    Limits limits_;
    std::span<const std::byte> piece_;
    PaxRecords global_;
    std::uint64_t body_left_ = 0; ///< stored bytes of the current body that were not read yet
    std::uint64_t padding_ = 0;   ///< behind the body
    std::uint64_t real_size_ = 0;
    bool sparse_ = false;
    std::vector<Segment> segments_;
    std::uint64_t header_bytes_ = 0; ///< extended headers of the current entry
};

} // namespace shifter::layers
