#include "squash/layer_record.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace shifter::squash {
namespace {

constexpr std::size_t chunk_bytes = 64U << 10U;
constexpr std::size_t buffer_bytes = 256U << 10U;

template <class T> std::span<const std::byte> bytes_of(const T & value) {
    return std::as_bytes(std::span<const T, 1>{&value, 1});
}

void append(std::vector<std::byte> & to, std::span<const std::byte> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_text(std::vector<std::byte> & to, std::string_view text) {
    append(to, bytes_of(static_cast<std::uint32_t>(text.size())));
    append(to, std::as_bytes(std::span{text.data(), text.size()}));
}

} // namespace

LayerRecord::LayerRecord(std::string path, std::size_t layer, const oci::KeyedHasher::Key & key,
                         const std::string & image_path)
    : path_{std::move(path)}, layer_{layer}, hasher_{key} {
    guarded([&] {
        fd_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd_) throw SysError{errno, "cannot create it"};
        write(std::as_bytes(std::span{record_magic.data(), record_magic.size()}), true);
        chunk(ChunkKind::image, std::as_bytes(std::span{image_path.data(), image_path.size()}));
    });
}

template <class Action> void LayerRecord::guarded(Action action) {
    if (failed_) return;
    try {
        action();
    } catch (const std::exception & error) {
        failed_ = true;
        fd_.reset();
        log::warning("event=layer_cache the layer cache does not keep a layer: " + path_ + ": " + error.what());
    }
}

void LayerRecord::add(const layers::LayerEntry & entry) {
    if (failed_) return;
    const std::size_t begin = entries_.size();
    append(entries_, bytes_of(std::uint32_t{0})); // its size, once that is known
    append(entries_, bytes_of(static_cast<std::uint32_t>(entry.kind)));
    append(entries_, bytes_of(entry.mode));
    append(entries_, bytes_of(entry.uid));
    append(entries_, bytes_of(entry.gid));
    append(entries_, bytes_of(entry.mtime));
    append(entries_, bytes_of(entry.size_bytes));
    append_text(entries_, entry.path);
    append_text(entries_, entry.link);
    append(entries_, bytes_of(static_cast<std::uint32_t>(entry.xattrs.size())));
    for (const auto & [name, value] : entry.xattrs) {
        append_text(entries_, name);
        append_text(entries_, value);
    }
    const auto size = static_cast<std::uint32_t>(entries_.size() - begin - sizeof(std::uint32_t));
    std::memcpy(entries_.data() + begin, &size, sizeof size);
    if (entries_.size() >= chunk_bytes) guarded([&] { flush_entries(); });
}

void LayerRecord::add_entries(std::span<const std::byte> packed) {
    guarded([&] { chunk(ChunkKind::entries, packed); });
}

void LayerRecord::flush_entries() {
    if (!entries_.empty()) chunk(ChunkKind::entries, packer_.pack(entries_));
    entries_.clear();
}

std::uint64_t LayerRecord::keep(std::span<const std::byte> bytes) {
    std::uint64_t offset = absent;
    guarded([&] {
        write(bytes_of(ChunkHead{ChunkKind::data, static_cast<std::uint32_t>(bytes.size())}), true);
        const std::uint64_t begin = position_;
        write(bytes, false);
        offset = begin | in_entry;
    });
    return offset;
}

std::uint64_t LayerRecord::keep_from(int fd, std::uint64_t offset, std::uint64_t bytes) {
    std::vector<std::byte> read(static_cast<std::size_t>(bytes));
    for (std::size_t done = 0; done < read.size();) {
        const ssize_t count = ::pread(fd, read.data() + done, read.size() - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return absent;
        done += static_cast<std::size_t>(count);
    }
    return keep(read);
}

void LayerRecord::finish(const LayerBlocks & blocks) {
    guarded([&] {
        flush_entries();
        table(ChunkKind::files, blocks.files);
        table(ChunkKind::fragments, blocks.fragments);
        table(ChunkKind::block_sizes, blocks.block_sizes);
        table(ChunkKind::order, blocks.order);
        const std::uint64_t size = position_ + sizeof(RecordTrailer);
        hasher_.update(bytes_of(size));
        write(bytes_of(RecordTrailer{hasher_.finish(), size, trailer_magic}), false);
        flush();
        fd_.reset();
        finished_ = true;
    });
}

template <class T> void LayerRecord::table(ChunkKind kind, const layers::Segmented<T> & values) {
    constexpr std::uint32_t at_once = chunk_bytes / sizeof(T);
    std::vector<T> part;
    for (std::uint32_t i = 0; i < values.size(); ++i) {
        part.push_back(values[i]);
        if (part.size() < at_once && i + 1 < values.size()) continue;
        chunk(kind, packer_.pack(std::as_bytes(std::span{part})));
        part.clear();
    }
}

void LayerRecord::chunk(ChunkKind kind, std::span<const std::byte> bytes) {
    write(bytes_of(ChunkHead{kind, static_cast<std::uint32_t>(bytes.size())}), true);
    write(bytes, true);
}

void LayerRecord::write(std::span<const std::byte> bytes, bool is_hashed) {
    if (is_hashed) hasher_.update(bytes);
    position_ += bytes.size();
    append(buffer_, bytes);
    if (buffer_.size() >= buffer_bytes) flush();
}

void LayerRecord::flush() {
    for (std::span<const std::byte> rest{buffer_}; !rest.empty();) {
        const ssize_t count = ::write(fd_.get(), rest.data(), rest.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) throw SysError{count < 0 ? errno : EIO, "cannot write it"};
        rest = rest.subspan(static_cast<std::size_t>(count));
    }
    buffer_.clear();
}

} // namespace shifter::squash
