/**
 * @file
 * Layers that were converted before are not converted again. The cache keeps, for each layer, an index and the few
 * blocks that no image holds; all other blocks are copied from the published image that the index names.
 *
 * Who may use what (I31): docs/explanation/layer-cache.md. Safe for several threads, processes and hosts at once:
 * entries appear and go by rename(2) and unlink(2), and each carries its fingerprint.
 */
#pragma once

#include "base/digest.hpp"
#include "base/unique_fd.hpp"
#include "layers/limits.hpp"
#include "oci/keyed_hash.hpp"
#include "oci/manifest.hpp"
#include "squash/options.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace shifter::squash {

class CachedLayer;
class LayerRecord;

class LayerCache {
public:
    /**
     * Makes `directory` (0700) when there is none, and removes what stopped conversions have left in it.
     *
     * @param max_bytes  of all entries; the one that was not used for the longest time goes first
     * @throws Error  when the directory cannot be used, or others could
     */
    LayerCache(std::string directory, std::uint64_t max_bytes, const Options & options, const layers::Limits & limits);

    [[nodiscard]] const std::string & directory() const noexcept { return directory_; }
    [[nodiscard]] const oci::KeyedHasher::Key & key() const noexcept { return key_; }
    /** The entry's name: of a layer, for those who may use `scope`, by the settings that decide its bytes. */
    [[nodiscard]] std::string entry_name(const std::string & scope, const oci::Descriptor & blob,
                                         const Digest & diff_id) const;
    /** Makes room. Conversions that have opened an entry keep it. */
    void evict() const;

private:
    void clean() const;

    std::string directory_;
    std::uint64_t max_bytes_;
    std::string settings_; ///< what else decides a layer's bytes
    oci::KeyedHasher::Key key_{};
};

/** What one conversion takes from the cache, and brings to it. */
class LayerReuse {
public:
    /**
     * @param scopes      whose entries may be used, when the layer's own `may_reuse` agrees
     * @param image_path  where the result will be published
     */
    LayerReuse(const LayerCache & cache, std::vector<std::string> scopes, std::string image_path);
    ~LayerReuse();
    LayerReuse(const LayerReuse &) = delete;
    LayerReuse & operator=(const LayerReuse &) = delete;

    [[nodiscard]] std::unique_ptr<CachedLayer> find(const oci::Descriptor & blob, const Digest & diff_id) const;
    /** A record to fill, for the layer with this number; nothing when the cache cannot be written. */
    [[nodiscard]] std::unique_ptr<LayerRecord> record(std::size_t layer);
    void keep(std::vector<std::unique_ptr<LayerRecord>> records);
    [[nodiscard]] const LayerCache & cache() const noexcept { return cache_; }

    /** After the image has been published: what was learned becomes entries of `scope`. Failures are logged alone. */
    void commit(const std::string & scope, const std::vector<oci::Descriptor> & blobs,
                const std::vector<Digest> & diff_ids);

private:
    const LayerCache & cache_;
    std::vector<std::string> scopes_;
    std::string image_path_;
    std::string directory_; ///< of this conversion's own; gone with this object
    UniqueFd lock_;         ///< held as long as its process lives
    unsigned records_ = 0;
    std::vector<std::unique_ptr<LayerRecord>> finished_;
};

} // namespace shifter::squash
