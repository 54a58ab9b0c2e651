#include "squash/convert.hpp"

#include "base/error.hpp"
#include "layers/decoder.hpp"
#include "layers/layer_reader.hpp"
#include "layers/tree_merger.hpp"
#include "squash/cached_layer.hpp"
#include "squash/data_writer.hpp"
#include "squash/layer_cache.hpp"
#include "squash/layer_record.hpp"
#include "squash/output.hpp"
#include "squash/table_writer.hpp"

#include <deque>
#include <future>
#include <sched.h>
#include <utility>

namespace shifter::squash {
namespace {

/** A layer ahead of the one that is being read: from the cache, if it is there and may be used, or being decoded. */
struct Ahead {
    std::unique_ptr<CachedLayer> cached;
    std::future<bool> may_reuse; ///< where `cached`
    std::unique_ptr<layers::Decoder> decoder;
};

/** The layers, from the top down: the one that is being read, and those that work ahead of it. */
class Conversion {
public:
    Conversion(const std::vector<LayerInput> & layers, const Options & options, const Limits & limits,
               layers::TreeMerger & merger, DataWriter & data, const std::stop_token & stop, LayerReuse * reuse)
        : layers_{layers}, limits_{limits}, merger_{merger}, data_{data}, stop_{stop}, reuse_{reuse},
          parallel_{options.parallel_layers}, next_{layers.size()} {}

    /** Returns the number of layers that came from the cache. */
    std::uint64_t run() {
        std::uint64_t reused = 0;
        for (std::size_t layer = layers_.size(); layer-- != 0;) {
            Ahead ahead = take(layer);
            if (ahead.cached && merge_cached(*ahead.cached, layer))
                ++reused;
            else if (ahead.decoder)
                merge(std::move(ahead.decoder), layer);
        }
        merger_.finish();
        return reused;
    }

private:
    /** Starts what may be started, and takes the layer whose turn it is. */
    Ahead take(std::size_t layer) {
        while (running_.size() < parallel_ && next_ != 0) running_.push_back(start(--next_));
        Ahead ahead = std::move(running_.front());
        running_.pop_front();
        if (ahead.cached && !ahead.may_reuse.get()) ahead = {nullptr, {}, decode(layer)};
        if (ahead.decoder) ahead.decoder->take_turn();
        return ahead;
    }

    [[nodiscard]] Ahead start(std::size_t layer) const {
        const LayerInput & input = layers_[layer];
        if (reuse_ == nullptr || !input.may_reuse) return {nullptr, {}, decode(layer)};
        auto cached = reuse_->find(input.blob, input.diff_id);
        if (!cached) return {nullptr, {}, decode(layer)};
        return {std::move(cached), std::async(std::launch::async, input.may_reuse), nullptr};
    }
    [[nodiscard]] std::unique_ptr<layers::Decoder> decode(std::size_t layer) const {
        return std::make_unique<layers::Decoder>(
            layers::Decoder::Layer{name(layer), layers_[layer].diff_id, layers_[layer].open}, limits_);
    }
    [[nodiscard]] std::string name(std::size_t layer) const {
        return "layer " + layers_[layer].blob.digest.to_string();
    }
    [[nodiscard]] std::unique_ptr<LayerRecord> record(std::size_t layer) const {
        return reuse_ == nullptr ? nullptr : reuse_->record(layer);
    }

    void merge(std::unique_ptr<layers::Decoder> decoder, std::size_t layer) {
        data_.begin_layer(record(layer));
        bool missed = false;
        {
            layers::LayerReader reader{name(layer), [&] { return decoder->next(stop_); }, limits_};
            RecordedSource source{reader, data_.record()};
            missed = merger_.merge(source, static_cast<std::uint16_t>(layer));
        }
        decoder.reset();
        if (missed) {
            data_.begin_second_pass();
            read_again(layer, [&](layers::LayerReader & reader) { merger_.fetch_missed(reader); });
        }
        data_.end_layer();
    }

    /** False when the cache did not have all, and the layer itself was read. */
    bool merge_cached(CachedLayer & cached, std::size_t layer) {
        data_.begin_cached_layer();
        if (merger_.merge(*cached.entries(name(layer)), static_cast<std::uint16_t>(layer))) {
            data_.begin_second_pass();
            merger_.fetch_missed(*cached.entries(name(layer)));
        }
        auto learned = record(layer);
        if (data_.place(cached, learned)) {
            if (layers_[layer].on_reused) layers_[layer].on_reused();
            return true;
        }
        // The tree has the layer's entries by now; only bodies are missing.
        const WantedFiles wanted = data_.take_wanted();
        data_.begin_layer(record(layer));
        read_again(layer, [&](layers::LayerReader & reader) {
            RecordedSource source{reader, data_.record()};
            read_bodies(source, wanted[0]);
        });
        if (!wanted[1].empty()) {
            data_.begin_second_pass();
            read_again(layer, [&](layers::LayerReader & reader) { read_bodies(reader, wanted[1]); });
        }
        data_.end_layer();
        return false;
    }

    template <class Action> void read_again(std::size_t layer, Action action) const {
        const auto decoder = decode(layer);
        decoder->take_turn();
        layers::LayerReader reader{name(layer), [&] { return decoder->next(stop_); }, limits_};
        action(reader);
    }

    void read_bodies(layers::EntrySource & source, const std::vector<WantedFile> & wanted) const {
        layers::LayerEntry entry;
        auto next = wanted.begin();
        for (std::uint32_t number = 0; source.next(entry);) {
            if (entry.kind != layers::LayerEntry::Kind::file || entry.size_bytes == 0) continue;
            const bool is_wanted = next != wanted.end() && next->number == number;
            ++number;
            layers::BodySink * const body = is_wanted ? data_.begin_file((next++)->inode, entry.size_bytes)
                                                      : data_.begin_hidden_file(entry.size_bytes);
            if (body == nullptr) continue;
            source.read_body(*body);
            data_.end_file();
        }
    }

    const std::vector<LayerInput> & layers_;
    Limits limits_;
    layers::TreeMerger & merger_;
    DataWriter & data_;
    const std::stop_token & stop_;
    LayerReuse * reuse_;
    std::size_t parallel_;
    std::size_t next_; ///< one above the next layer to start
    std::deque<Ahead> running_;
};

/**
 * This thread, and those that it starts meanwhile, do not push others off a core when they wake up: all are busy, and the
 * queues between them are deep. What answers requests goes first.
 */
class BatchWork {
public:
    BatchWork() noexcept { set(SCHED_BATCH); }
    ~BatchWork() { set(SCHED_OTHER); }
    BatchWork(const BatchWork &) = delete;
    BatchWork & operator=(const BatchWork &) = delete;

private:
    static void set(int policy) noexcept {
        const sched_param none{};
        (void)::sched_setscheduler(0, policy, &none); // where that is refused, it is only slower
    }
};

/** A look at what the kernel will look at first. */
void verify(Output & output) {
    sqfs_super_t super{};
    output.file.check(sqfs_super_read(&super, output.file.sqfs()), "read the superblock back");
    if (super.bytes_used != output.super.bytes_used || super.root_inode_ref != output.super.root_inode_ref ||
        super.bytes_used > output.file.size_bytes())
        throw Error{"cannot write the squashfs file: its superblock is not what was written"};
}

} // namespace

Result convert(const std::vector<LayerInput> & layers, int output_fd, std::uint32_t created, const Options & options,
               const Limits & limits, const std::stop_token & stop, LayerReuse * reuse) {
    options.check();
    const BatchWork batch;
    if (layers.size() > 0xfffe) throw Error{"cannot convert an image of " + std::to_string(layers.size()) + " layers"};
    layers::Tree tree;
    Output output{output_fd, created, options};
    const auto key = reuse == nullptr ? oci::KeyedHasher::random_key() : reuse->cache().key();
    DataWriter data{output, tree, options, key, stop};
    const layers::Policy policy{.keep_owners = options.owners == Owners::keep,
                                .keep_modes = options.modes == Modes::keep,
                                .user_xattrs = options.xattrs == Xattrs::user};
    layers::TreeMerger merger{tree, data, policy, limits};
    Conversion conversion{layers, options, limits, merger, data, stop, reuse};
    Result result;
    try {
        result.reused_layers = conversion.run();
    } catch (...) {
        // The decoders' threads are waited for after this: a read that hangs must not hold them up.
        for (const LayerInput & layer : layers)
            if (layer.cancel) layer.cancel();
        throw;
    }
    data.finish();
    result.entries = write_tables(output, tree, data, created);
    output.file.pad_to(4096);
    verify(output);
    if (reuse != nullptr) reuse->keep(data.take_records());
    result.size_bytes = output.file.size_bytes();
    result.unpacked_bytes = merger.unpacked_bytes();
    result.dropped_devices = merger.dropped().devices;
    result.dropped_setid = merger.dropped().setid;
    result.dropped_xattrs = merger.dropped().xattrs;
    return result;
}

} // namespace shifter::squash
