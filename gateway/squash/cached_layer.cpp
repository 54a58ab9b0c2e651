#include "squash/cached_layer.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "squash/data_writer.hpp"
#include "squash/layer_record.hpp"
#include "squash/packed.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::squash {
namespace {

constexpr std::uint32_t most_chunk_bytes = 64U << 20U;
constexpr std::size_t window_bytes = 1U << 20U;

bool read_exactly(int fd, std::uint64_t offset, std::span<std::byte> to) {
    while (!to.empty()) {
        const ssize_t count = ::pread(fd, to.data(), to.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        offset += static_cast<std::uint64_t>(count);
        to = to.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

template <class T> bool append_table(layers::Segmented<T> & values, std::span<const std::byte> bytes) {
    if (bytes.size() % sizeof(T) != 0) return false;
    for (; !bytes.empty(); bytes = bytes.subspan(sizeof(T))) {
        T value;
        std::memcpy(&value, bytes.data(), sizeof value);
        (void)values.push_back(value);
    }
    return true;
}

/** Ranges of one file, read through a window, since they mostly follow each other. */
class Window {
public:
    [[nodiscard]] std::span<const std::byte> read(int fd, std::uint64_t offset, std::uint32_t bytes) {
        if (fd != fd_ || offset < begin_ || offset + bytes > begin_ + size_) {
            fd_ = fd;
            begin_ = offset;
            size_ = 0;
            while (size_ < buffer_.size()) {
                const ssize_t count =
                    ::pread(fd, buffer_.data() + size_, buffer_.size() - size_, static_cast<off_t>(offset + size_));
                if (count < 0 && errno == EINTR) continue;
                if (count <= 0) break;
                size_ += static_cast<std::size_t>(count);
            }
            if (size_ < bytes) return {};
        }
        return std::span{buffer_}.subspan(static_cast<std::size_t>(offset - begin_), bytes);
    }

private:
    std::vector<std::byte> buffer_ = std::vector<std::byte>(window_bytes);
    int fd_ = -1;
    std::uint64_t begin_ = 0;
    std::size_t size_ = 0;
};

} // namespace

std::unique_ptr<CachedLayer> CachedLayer::open(const std::string & path, const oci::KeyedHasher::Key & key) {
    UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (!fd) return nullptr;
    std::unique_ptr<CachedLayer> layer{new CachedLayer{std::move(fd), key}};
    if (layer->load()) return layer;
    log::warning("event=layer_cache the layer cache drops " + path + ": it is damaged");
    (void)::unlink(path.c_str());
    return nullptr;
}

bool CachedLayer::load() {
    struct stat facts {};
    RecordTrailer trailer{};
    if (::fstat(fd_.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    if (size < record_magic.size() + sizeof trailer) return false;
    const std::uint64_t end = size - sizeof trailer;
    if (!read_exactly(fd_.get(), end, std::as_writable_bytes(std::span{&trailer, 1}))) return false;
    if (trailer.magic != trailer_magic || trailer.size_bytes != size) return false;

    oci::KeyedHasher hasher{key_};
    std::vector<std::byte> content(record_magic.size());
    if (!read_exactly(fd_.get(), 0, content)) return false;
    if (std::memcmp(content.data(), record_magic.data(), content.size()) != 0) return false;
    hasher.update(content);
    std::string image;
    Packer packer;
    for (std::uint64_t at = record_magic.size(); at != end;) {
        ChunkHead head{};
        if (end - at < sizeof head || !read_exactly(fd_.get(), at, std::as_writable_bytes(std::span{&head, 1})))
            return false;
        at += sizeof head;
        hasher.update(std::as_bytes(std::span{&head, 1}));
        if (head.bytes > end - at) return false;
        const std::uint64_t begin = std::exchange(at, at + head.bytes);
        if (head.kind == ChunkKind::data) continue;
        if (head.bytes > most_chunk_bytes) return false;
        content.resize(head.bytes);
        if (!read_exactly(fd_.get(), begin, content)) return false;
        hasher.update(content);
        std::span<const std::byte> table;
        bool good = head.kind == ChunkKind::entries || head.kind == ChunkKind::image ||
                    packer.unpack(content, most_chunk_bytes, table);
        switch (head.kind) {
        case ChunkKind::entries:
            entries_.push_back({begin, head.bytes});
            break;
        case ChunkKind::files:
            good = good && append_table(blocks_.files, table);
            break;
        case ChunkKind::fragments:
            good = good && append_table(blocks_.fragments, table);
            break;
        case ChunkKind::block_sizes:
            good = good && append_table(blocks_.block_sizes, table);
            break;
        case ChunkKind::order:
            good = good && append_table(blocks_.order, table);
            break;
        case ChunkKind::image:
            image.assign(reinterpret_cast<const char *>(content.data()), content.size());
            break;
        default:
            good = false;
        }
        if (!good) return false;
    }
    hasher.update(std::as_bytes(std::span{&size, 1}));
    if (hasher.finish() != trailer.fingerprint) return false;
    image_.reset(::open(image.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    return true;
}

bool CachedLayer::has(std::uint64_t offset) const noexcept {
    return offset != absent && ((offset & in_entry) != 0 || image_);
}

std::pair<int, std::uint64_t> CachedLayer::source(std::uint64_t offset) const noexcept {
    if ((offset & in_entry) != 0) return {fd_.get(), offset & ~in_entry};
    return {image_.get(), offset};
}

bool CachedLayer::is_as_it_was(const LayerBlocks & blocks, std::vector<std::uint32_t> items, std::uint32_t block_bytes,
                               const std::stop_token & stop) const {
    const auto offset_of = [&](std::uint32_t item) {
        return (item & fragment_mark) != 0 ? blocks.fragments[item & ~fragment_mark].offset : blocks.files[item].offset;
    };
    std::sort(items.begin(), items.end(),
              [&](std::uint32_t a, std::uint32_t b) { return offset_of(a) < offset_of(b); });
    Window window;
    oci::KeyedHasher hasher{key_};
    oci::KeyedHasher file_hasher{key_};
    for (const std::uint32_t item : items) {
        if (stop.stop_requested()) return false;
        auto [fd, offset] = source(offset_of(item));
        if ((item & fragment_mark) != 0) {
            const StoredFragment & fragment = blocks.fragments[item & ~fragment_mark];
            const auto bytes = window.read(fd, offset, stored_bytes(fragment.size_word));
            if (bytes.empty() || hasher.of(bytes) != fragment.fingerprint) return false;
            continue;
        }
        const StoredFile & file = blocks.files[item];
        for (std::uint32_t i = 0; i < block_count(file.size_bytes, block_bytes); ++i) {
            const std::uint32_t size_word = blocks.block_sizes[file.first_block + i];
            Fingerprint fingerprint{};
            if (size_word != 0) {
                const auto bytes = window.read(fd, offset, stored_bytes(size_word));
                if (bytes.empty()) return false;
                fingerprint = hasher.of(bytes);
                offset += bytes.size();
            }
            fold(file_hasher, size_word, fingerprint);
        }
        if (file_hasher.finish() != file.fingerprint) return false;
    }
    return true;
}

void CachedLayer::copy_entries(LayerRecord & record) const {
    std::vector<std::byte> content;
    for (const Range & range : entries_) {
        content.resize(range.bytes);
        if (!read_exactly(fd_.get(), range.offset, content)) throw Error{"cannot read the layer cache"};
        record.add_entries(content);
    }
}

// ---------------------------------------------------------------------------------------------- entries

class CachedLayer::Entries : public layers::EntrySource {
public:
    Entries(const CachedLayer & layer, std::string name) : layer_{layer}, name_{std::move(name)} {}

    bool next(layers::LayerEntry & entry) override {
        if (rest_.empty() && !next_chunk()) return false;
        auto text = take(take_number<std::uint32_t>());
        std::swap(rest_, text); // the entry's own bytes for now
        entry.kind = static_cast<layers::LayerEntry::Kind>(take_number<std::uint32_t>());
        entry.mode = take_number<std::uint32_t>();
        entry.uid = take_number<std::uint32_t>();
        entry.gid = take_number<std::uint32_t>();
        entry.mtime = take_number<std::int64_t>();
        entry.size_bytes = take_number<std::uint64_t>();
        entry.path = take_text();
        entry.link = take_text();
        entry.xattrs.clear();
        for (auto count = take_number<std::uint32_t>(); count != 0; --count) {
            std::string attribute = take_text();
            entry.xattrs.emplace_back(std::move(attribute), take_text());
        }
        rest_ = text;
        return true;
    }
    void read_body(layers::BodySink &) override { damaged(); }
    [[nodiscard]] const std::string & name() const noexcept override { return name_; }

private:
    [[noreturn]] void damaged() const {
        throw Error{"cannot read " + name_ + " from the layer cache: what was whole is damaged now; pull again"};
    }
    bool next_chunk() {
        if (next_ == layer_.entries_.size()) return false;
        const Range & range = layer_.entries_[next_++];
        chunk_.resize(range.bytes);
        if (!read_exactly(layer_.fd_.get(), range.offset, chunk_)) damaged();
        if (!packer_.unpack(chunk_, most_chunk_bytes, rest_)) damaged();
        return true;
    }
    std::span<const std::byte> take(std::size_t bytes) {
        if (bytes > rest_.size()) damaged();
        const auto taken = rest_.first(bytes);
        rest_ = rest_.subspan(bytes);
        return taken;
    }
    template <class T> T take_number() {
        T value;
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }
    std::string take_text() {
        const auto bytes = take(take_number<std::uint32_t>());
        return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
    }

    const CachedLayer & layer_;
    std::string name_;
    std::size_t next_ = 0;
    std::vector<std::byte> chunk_; ///< as it is stored
    Packer packer_;                ///< holds what `rest_` looks at
    std::span<const std::byte> rest_;
};

std::unique_ptr<layers::EntrySource> CachedLayer::entries(std::string name) const {
    return std::make_unique<Entries>(*this, std::move(name));
}

} // namespace shifter::squash
