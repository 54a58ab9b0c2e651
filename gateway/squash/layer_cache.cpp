#include "squash/layer_cache.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "oci/sha256.hpp"
#include "squash/cached_layer.hpp"
#include "squash/layer_record.hpp"
#include "squash/output.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::squash {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view entry_suffix = ".layer";
constexpr std::string_view work_prefix = ".work.";
constexpr const char * lock_name = "lock";

/** A library that compresses otherwise makes other blocks: what it makes of this text is part of each entry's name. */
std::string sample_of(const Options & options) {
    std::vector<std::byte> text(options.block_bytes);
    std::uint32_t state = 1;
    for (std::byte & each : text) {
        state = state * 1664525U + 1013904223U;
        each = static_cast<std::byte>("etaoin shrdlu\n\0"[(state >> 24U) % 15U]);
    }
    std::string packed(text.size(), '\0');
    const auto compressor = make_compressor(options);
    const auto count = compressor->do_block(
        compressor.get(), reinterpret_cast<const sqfs_u8 *>(text.data()), static_cast<sqfs_u32>(text.size()),
        reinterpret_cast<sqfs_u8 *>(packed.data()), static_cast<sqfs_u32>(packed.size()));
    check_sqfs(count, "try the compressor");
    packed.resize(static_cast<std::size_t>(count));
    return oci::digest_of(packed).to_string();
}

std::string settings_text(const Options & options, const layers::Limits & limits) {
    // Of the limits those that are counted while a layer is read; the others are counted again with each image.
    return std::to_string(static_cast<int>(options.codec)) + " " + std::to_string(options.level) + " " +
           std::to_string(options.block_bytes) + " " + sample_of(options) + " " +
           std::to_string(limits.max_layer_unpacked_bytes) + " " + std::to_string(limits.max_path_bytes) + " " +
           std::to_string(limits.max_depth) + " " + std::to_string(limits.max_header_bytes);
}

void make_directory(const std::string & path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        throw SysError{errno, "cannot make the layer cache " + shifter::quoted(path)};
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) != 0)
        throw SysError{errno, "cannot look at the layer cache " + shifter::quoted(path)};
    if (!S_ISDIR(facts.st_mode))
        throw Error{"cannot use the layer cache " + shifter::quoted(path) + ": it is no directory"};
    if (facts.st_uid != ::geteuid() || (facts.st_mode & 077U) != 0)
        throw Error{"cannot use the layer cache " + shifter::quoted(path) +
                    ": it holds parts of private images, and others than this account can enter it; run: chmod 700 " +
                    path};
}

void sync_directory(const std::string & path) {
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd || ::fsync(fd.get()) != 0) throw SysError{errno, "cannot sync " + shifter::quoted(path)};
}

/** The key that all gateways of this cache share: made once, by whoever comes first. */
oci::KeyedHasher::Key read_or_make_key(const std::string & directory) {
    const std::string path = directory + "/key";
    for (;;) {
        const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
        oci::KeyedHasher::Key key{};
        if (fd) {
            if (io::read_some(fd.get(), key, shifter::quoted(path)) == key.size()) return key;
            throw Error{"cannot use the layer cache " + shifter::quoted(directory) +
                        ": its file \"key\" is damaged; remove it"};
        }
        if (errno != ENOENT) throw SysError{errno, "cannot open " + shifter::quoted(path)};
        key = oci::KeyedHasher::random_key();
        std::string made = directory + "/.key.XXXXXX";
        const UniqueFd file{::mkostemp(made.data(), O_CLOEXEC)}; // 0600
        if (!file) throw SysError{errno, "cannot make " + shifter::quoted(path)};
        const bool is_written =
            ::write(file.get(), key.data(), key.size()) == static_cast<ssize_t>(key.size()) && ::fsync(file.get()) == 0;
        const int error_number = errno;
        if (!is_written) {
            (void)::unlink(made.c_str());
            throw SysError{error_number, "cannot write " + shifter::quoted(path)};
        }
        const bool is_named = ::link(made.c_str(), path.c_str()) == 0;
        const int link_error = errno;
        (void)::unlink(made.c_str());
        // Another may have been faster: then its key counts.
        if (!is_named && link_error != EEXIST) throw SysError{link_error, "cannot name " + shifter::quoted(path)};
        sync_directory(directory);
    }
}

} // namespace

LayerCache::LayerCache(std::string directory, std::uint64_t max_bytes, const Options & options,
                       const layers::Limits & limits)
    : directory_{std::move(directory)}, max_bytes_{max_bytes}, settings_{settings_text(options, limits)} {
    make_directory(directory_);
    key_ = read_or_make_key(directory_);
    clean();
    evict();
}

std::string LayerCache::entry_name(const std::string & scope, const oci::Descriptor & blob,
                                   const Digest & diff_id) const {
    // The blob, too: that somebody may read it says nothing of another with the same content, and only those two that
    // were seen to belong together do.
    const std::string text = scope + "\n" + blob.digest.to_string() + " " + std::to_string(blob.size_bytes) + "\n" +
                             diff_id.to_string() + "\n" + settings_;
    return oci::digest_of(text).hex() + std::string{entry_suffix};
}

void LayerCache::evict() const {
    struct Entry {
        fs::path path;
        fs::file_time_type used;
        std::uint64_t bytes;
    };
    std::vector<Entry> entries;
    std::uint64_t sum = 0;
    std::error_code ignored;
    for (const auto & each : fs::directory_iterator{directory_, ignored}) {
        if (each.path().extension() != entry_suffix) continue;
        std::error_code gone;
        const auto bytes = each.file_size(gone);
        const auto used = each.last_write_time(gone);
        if (gone) continue;
        entries.push_back({each.path(), used, bytes});
        sum += bytes;
    }
    if (sum <= max_bytes_) return;
    std::sort(entries.begin(), entries.end(), [](const Entry & a, const Entry & b) { return a.used < b.used; });
    for (const Entry & entry : entries) {
        if (sum <= max_bytes_) return;
        if (fs::remove(entry.path, ignored)) sum -= entry.bytes;
    }
}

/** Removes directories of conversions whose process is gone: nobody holds their lock. */
void LayerCache::clean() const {
    std::error_code ignored;
    for (const auto & each : fs::directory_iterator{directory_, ignored}) {
        const std::string name = each.path().filename().string();
        if (name.starts_with(".key.")) fs::remove(each.path(), ignored);
        if (!name.starts_with(work_prefix)) continue;
        const UniqueFd lock{::open((each.path() / lock_name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
        if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
        fs::remove_all(each.path(), ignored);
    }
}

// ---------------------------------------------------------------------------------------------- one conversion

LayerReuse::LayerReuse(const LayerCache & cache, std::vector<std::string> scopes, std::string image_path)
    : cache_{cache}, scopes_{std::move(scopes)}, image_path_{std::move(image_path)} {
    try {
        std::string made = cache.directory() + "/" + std::string{work_prefix} + "XXXXXX";
        if (::mkdtemp(made.data()) == nullptr) throw SysError{errno, "cannot make a directory in it"};
        directory_ = made;
        lock_.reset(::open((made + "/" + lock_name).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!lock_ || ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
            throw SysError{errno, "cannot lock a directory in it"};
    } catch (const Error & error) {
        log::warning("event=layer_cache the layer cache " + cache.directory() + " learns nothing: " + error.what());
        std::error_code ignored;
        if (!directory_.empty()) fs::remove_all(directory_, ignored);
        directory_.clear();
    }
}

LayerReuse::~LayerReuse() {
    finished_.clear();
    std::error_code ignored;
    if (!directory_.empty()) fs::remove_all(directory_, ignored);
}

std::unique_ptr<CachedLayer> LayerReuse::find(const oci::Descriptor & blob, const Digest & diff_id) const {
    for (const std::string & scope : scopes_) {
        const std::string path = cache_.directory() + "/" + cache_.entry_name(scope, blob, diff_id);
        auto found = CachedLayer::open(path, cache_.key());
        if (!found) continue;
        (void)::utimensat(AT_FDCWD, path.c_str(), nullptr, 0); // used now
        return found;
    }
    return nullptr;
}

std::unique_ptr<LayerRecord> LayerReuse::record(std::size_t layer) {
    if (directory_.empty()) return nullptr;
    const std::string path = directory_ + "/" + std::to_string(records_++);
    return std::make_unique<LayerRecord>(path, layer, cache_.key(), image_path_);
}

void LayerReuse::keep(std::vector<std::unique_ptr<LayerRecord>> records) { finished_ = std::move(records); }

void LayerReuse::commit(const std::string & scope, const std::vector<oci::Descriptor> & blobs,
                        const std::vector<Digest> & diff_ids) {
    try {
        for (const auto & record : finished_) {
            if (!record->is_finished()) continue;
            const UniqueFd fd{::open(record->path().c_str(), O_RDONLY | O_CLOEXEC)};
            if (!fd || ::fsync(fd.get()) != 0) throw SysError{errno, "cannot sync " + shifter::quoted(record->path())};
            const std::string name = cache_.entry_name(scope, blobs.at(record->layer()), diff_ids.at(record->layer()));
            if (::rename(record->path().c_str(), (cache_.directory() + "/" + name).c_str()) != 0)
                throw SysError{errno, "cannot name " + shifter::quoted(record->path())};
        }
        sync_directory(cache_.directory());
    } catch (const std::exception & error) {
        log::warning("event=layer_cache the layer cache " + cache_.directory() +
                     " has learned less than it could: " + error.what());
    }
    finished_.clear();
    cache_.evict();
}

} // namespace shifter::squash
