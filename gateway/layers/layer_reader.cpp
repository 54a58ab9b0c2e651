#include "layers/layer_reader.hpp"

#include "base/error.hpp"
#include "layers/bad_layer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace shifter::layers {
namespace {

constexpr std::size_t max_component_bytes = 255; // squashfs, and every file system that we know

std::uint32_t checked_id(std::int64_t id) {
    // 2^32 - 1 means "no change" to chown(2), so no file has it.
    if (id < 0 || id >= INT64_C(0xffffffff)) throw BadLayer{"it has an owner that is no user or group number"};
    return static_cast<std::uint32_t>(id);
}

LayerEntry::Kind kind_of(char type, std::string_view name) {
    switch (type) {
    case '\0':
    case '0':
    case '7':
        return name.ends_with('/') ? LayerEntry::Kind::directory : LayerEntry::Kind::file;
    case 'S':
        return LayerEntry::Kind::file;
    case '1':
        return LayerEntry::Kind::hard_link;
    case '2':
        return LayerEntry::Kind::symlink;
    case '3':
    case '4':
        return LayerEntry::Kind::device;
    case '5':
        return LayerEntry::Kind::directory;
    case '6':
        return LayerEntry::Kind::fifo;
    default:
        throw BadLayer{"it has the type " + quoted(std::string_view{&type, 1}) + ", which no layer may hold"};
    }
}

} // namespace

std::string normal_path(std::string_view text, const Limits & limits) {
    std::string result;
    std::uint32_t depth = 0;
    while (!text.empty()) {
        const std::size_t slash = text.find('/');
        const std::string_view component = text.substr(0, slash);
        text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
        if (component.empty() || component == ".") continue;
        if (component == "..") throw BadLayer{"its path leads out of the image by \"..\""};
        if (component.size() > max_component_bytes)
            throw BadLayer{"its path has a name of " + std::to_string(component.size()) +
                           " bytes; at most 255 are possible"};
        if (++depth > limits.max_depth)
            throw BadLayer{"its path is deeper than " + std::to_string(limits.max_depth) + " directories"};
        if (!result.empty()) result += '/';
        result += component;
    }
    if (result.size() > limits.max_path_bytes)
        throw BadLayer{"its path is longer than " + std::to_string(limits.max_path_bytes) + " bytes"};
    return result;
}

LayerReader::LayerReader(std::string name, NextPiece next_piece, const Limits & limits)
    : name_{std::move(name)}, next_piece_{std::move(next_piece)}, limits_{limits} {}

bool LayerReader::next(LayerEntry & entry) {
    skip_body();
    try {
        return read_entry(entry);
    } catch (const BadLayer & error) {
        throw Error{"cannot unpack " + name_ + ": " + error.what()};
    }
}

// ---------------------------------------------------------------------------------------------- bytes

std::span<const std::byte> LayerReader::piece() {
    if (piece_.empty()) piece_ = next_piece_();
    return piece_;
}

bool LayerReader::read_block(TarBlock & block) {
    std::size_t done = 0;
    while (done < block.size()) {
        const auto from = piece();
        if (from.empty()) break;
        const std::size_t count = std::min(from.size(), block.size() - done);
        std::memcpy(block.data() + done, from.data(), count);
        piece_ = piece_.subspan(count);
        done += count;
    }
    if (done != 0 && done != block.size()) throw BadLayer{"the tar archive ends too early"};
    return done != 0;
}

void LayerReader::read_exactly(TarBlock & block) {
    if (!read_block(block)) throw BadLayer{"the tar archive ends too early"};
}

std::string LayerReader::read_header_body(std::uint64_t size) {
    header_bytes_ += size;
    if (size > limits_.max_header_bytes || header_bytes_ > limits_.max_header_bytes)
        throw BadLayer{"an entry has extended headers of more than " + std::to_string(limits_.max_header_bytes) +
                       " bytes"};
    std::string body;
    TarBlock block;
    while (body.size() < size) {
        read_exactly(block);
        body.append(reinterpret_cast<const char *>(block.data()),
                    std::min<std::size_t>(block.size(), size - body.size()));
    }
    return body;
}

void LayerReader::copy(std::uint64_t count, BodySink * sink) {
    while (count != 0) {
        const auto from = piece();
        if (from.empty()) throw Error{"cannot unpack " + name_ + ": the tar archive ends too early"};
        const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(from.size(), count));
        if (sink != nullptr) sink->data(from.first(part));
        piece_ = piece_.subspan(part);
        count -= part;
    }
}

void LayerReader::skip_body() { copy(std::exchange(body_left_, 0) + std::exchange(padding_, 0), nullptr); }

void LayerReader::expect_only_zeros() {
    TarBlock block;
    while (read_block(block))
        if (!is_zero(block)) throw BadLayer{"the end of the tar archive is followed by something else"};
}

void LayerReader::read_body(BodySink & sink) {
    std::uint64_t position = 0;
    if (!sparse_) {
        copy(std::exchange(body_left_, 0), &sink);
        return;
    }
    for (const Segment & segment : segments_) {
        if (segment.offset > position) sink.hole(segment.offset - position);
        copy(segment.size, &sink);
        body_left_ -= segment.size;
        position = segment.offset + segment.size;
    }
    if (real_size_ > position) sink.hole(real_size_ - position);
}

// ---------------------------------------------------------------------------------------------- headers

bool LayerReader::read_entry(LayerEntry & entry) {
    PaxRecords pax = global_;
    std::optional<std::string> long_name;
    std::optional<std::string> long_link;
    header_bytes_ = 0;
    bool has_extension = false;
    TarBlock block;
    for (;;) {
        const bool at_end = !read_block(block);
        if (at_end || is_zero(block)) {
            if (has_extension) throw BadLayer{"the tar archive ends after an extended header"};
            // An archive may end without its two zero blocks: what counts is that its digest is right.
            if (!at_end) expect_only_zeros();
            return false;
        }
        TarHeader header = parse_tar_header(block);
        switch (header.type) {
        case 'x':
            parse_pax(read_header_body(static_cast<std::uint64_t>(header.size)), pax);
            break;
        case 'g':
            parse_pax(read_header_body(static_cast<std::uint64_t>(header.size)), global_);
            pax = global_;
            continue;
        case 'L':
            long_name = read_header_body(static_cast<std::uint64_t>(header.size)).c_str();
            break;
        case 'K':
            long_link = read_header_body(static_cast<std::uint64_t>(header.size)).c_str();
            break;
        default:
            if (long_name) header.name = std::move(*long_name);
            if (long_link) header.link = std::move(*long_link);
            fill(entry, header, pax);
            return true;
        }
        has_extension = true;
    }
}

void LayerReader::fill(LayerEntry & entry, TarHeader & header, const PaxRecords & pax) {
    if (pax.path) header.name = *pax.path;
    if (pax.sparse.name) header.name = *pax.sparse.name;
    if (pax.link) header.link = *pax.link;
    try {
        entry.kind = kind_of(header.type, header.name);
        entry.path = normal_path(header.name, limits_);
        entry.mode = header.mode;
        entry.uid = checked_id(pax.uid.value_or(header.uid));
        entry.gid = checked_id(pax.gid.value_or(header.gid));
        entry.mtime = pax.mtime.value_or(header.mtime);
        entry.xattrs.assign(pax.xattrs.begin(), pax.xattrs.end());
        entry.size_bytes = 0;
        entry.link.clear();
        sparse_ = false;
        body_left_ = padding_ = 0;
        if (entry.kind == LayerEntry::Kind::symlink) {
            entry.link = header.link;
            if (entry.link.empty()) throw BadLayer{"it is a symbolic link to nowhere"};
            if (entry.link.size() > limits_.max_path_bytes)
                throw BadLayer{"it is a symbolic link with too long a text"};
        } else if (entry.kind == LayerEntry::Kind::hard_link) {
            try {
                entry.link = normal_path(header.link, limits_);
            } catch (const BadLayer & error) {
                throw BadLayer{"as a hard link to " + quoted(header.link) + ", " + error.what()};
            }
        } else if (entry.kind == LayerEntry::Kind::file) {
            body_left_ = pax.size.value_or(static_cast<std::uint64_t>(header.size));
            padding_ = (tar_block_bytes - body_left_ % tar_block_bytes) % tar_block_bytes;
            entry.size_bytes = body_left_;
            if (header.type == 'S' || pax.sparse.present) read_sparse_map(entry, header, pax);
        } else if (entry.kind == LayerEntry::Kind::directory && header.type != '5' && header.size != 0) {
            throw BadLayer{"it has the name of a directory and the body of a file"};
        }
    } catch (const BadLayer & error) {
        throw BadLayer{"entry " + quoted(header.name) + ": " + error.what()};
    }
}

// ---------------------------------------------------------------------------------------------- sparse files

void LayerReader::read_sparse_map(LayerEntry & entry, const TarHeader & header, const PaxRecords & pax) {
    if (header.type == 'S') {
        segments_ = header.segments;
        real_size_ = static_cast<std::uint64_t>(header.real_size);
        TarBlock block;
        for (bool more = header.more_segments; more;) {
            header_bytes_ += tar_block_bytes;
            if (header_bytes_ > limits_.max_header_bytes) throw BadLayer{"its map of holes is too long"};
            read_exactly(block);
            more = parse_sparse_block(block, segments_);
        }
    } else {
        if (!pax.sparse.real_size || pax.sparse.open_offset) throw BadLayer{"its map of holes is damaged"};
        segments_ = pax.sparse.segments;
        real_size_ = *pax.sparse.real_size;
        if (pax.sparse.map_in_body) read_map_in_body();
    }
    check_map(real_size_);
    sparse_ = true;
    entry.size_bytes = real_size_;
}

/** Format 1.0: lines of decimal numbers, the count of segments first, filled up to a whole block. */
void LayerReader::read_map_in_body() {
    TarBlock block;
    std::size_t position = block.size();
    const std::uint64_t count = read_map_number(block, position);
    if (count > limits_.max_header_bytes / 4) throw BadLayer{"its map of holes is too long"};
    segments_.clear();
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t offset = read_map_number(block, position);
        segments_.push_back({offset, read_map_number(block, position)});
    }
}

std::uint64_t LayerReader::read_map_number(TarBlock & block, std::size_t & position) {
    std::uint64_t value = 0;
    for (unsigned digits = 0;; ++digits) {
        if (position == block.size()) {
            if (body_left_ < block.size()) throw BadLayer{"its map of holes is damaged"};
            read_exactly(block);
            body_left_ -= block.size();
            position = 0;
        }
        const char c = static_cast<char>(block[position++]);
        if (c == '\n' && digits != 0) return value;
        if (c < '0' || c > '9' || digits == 18) throw BadLayer{"its map of holes is damaged"};
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
}

void LayerReader::check_map(std::uint64_t real_size) const {
    std::uint64_t position = 0;
    std::uint64_t stored = 0;
    for (const Segment & segment : segments_) {
        if (segment.offset < position || segment.offset > real_size || segment.size > real_size - segment.offset)
            throw BadLayer{"its map of holes is damaged"};
        position = segment.offset + segment.size;
        stored += segment.size;
    }
    if (stored != body_left_) throw BadLayer{"its map of holes does not fit its body"};
}

} // namespace shifter::layers
