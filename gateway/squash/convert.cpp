#include "squash/convert.hpp"

#include "base/error.hpp"
#include "layers/decoder.hpp"
#include "layers/layer_reader.hpp"
#include "layers/tree_merger.hpp"
#include "squash/data_writer.hpp"
#include "squash/output.hpp"
#include "squash/table_writer.hpp"

#include <deque>
#include <utility>

namespace shifter::squash {
namespace {

/** The layers' decoders, from the top layer down: the one that is being read, and those that work ahead of it. */
class Decoders {
public:
    Decoders(const std::vector<LayerInput> & layers, const Options & options, const Limits & limits)
        : layers_{layers}, limits_{limits}, parallel_{options.parallel_layers}, next_{layers.size()} {}

    /** Starts what may be started, and returns the decoder of the layer whose turn it is. */
    layers::Decoder & current() {
        while (running_.size() < parallel_ && next_ != 0) running_.push_back(start(--next_));
        running_.front()->take_turn();
        return *running_.front();
    }
    void drop_current() { running_.pop_front(); }

    [[nodiscard]] std::unique_ptr<layers::Decoder> start(std::size_t layer) const {
        return std::make_unique<layers::Decoder>(
            layers::Decoder::Layer{name(layer), layers_[layer].diff_id, layers_[layer].open}, limits_);
    }
    [[nodiscard]] std::string name(std::size_t layer) const {
        return "layer " + layers_[layer].blob.digest.to_string();
    }

private:
    const std::vector<LayerInput> & layers_;
    Limits limits_;
    std::size_t parallel_;
    std::size_t next_; ///< one above the next layer to start
    std::deque<std::unique_ptr<layers::Decoder>> running_;
};

void merge_all(Decoders & decoders, std::size_t count, layers::TreeMerger & merger, const Limits & limits,
               const std::stop_token & stop) {
    for (std::size_t layer = count; layer-- != 0;) {
        layers::Decoder & decoder = decoders.current();
        layers::LayerReader reader{decoders.name(layer), [&] { return decoder.next(stop); }, limits};
        const bool missed = merger.merge(reader, static_cast<std::uint16_t>(layer));
        decoders.drop_current();
        if (!missed) continue;
        const auto again = decoders.start(layer);
        again->take_turn();
        layers::LayerReader second{decoders.name(layer), [&] { return again->next(stop); }, limits};
        merger.fetch_missed(second);
    }
    merger.finish();
}

/** A look at what the kernel will look at first. */
void verify(Output & output) {
    sqfs_super_t super{};
    output.file.check(sqfs_super_read(&super, output.file.sqfs()), "read the superblock back");
    if (super.bytes_used != output.super.bytes_used || super.root_inode_ref != output.super.root_inode_ref ||
        super.bytes_used > output.file.size_bytes())
        throw Error{"cannot write the squashfs file: its superblock is not what was written"};
}

} // namespace

Result convert(std::vector<LayerInput> layers, int output_fd, std::uint32_t created, const Options & options,
               const Limits & limits, std::stop_token stop) {
    options.check();
    if (layers.size() > 0xfffe) throw Error{"cannot convert an image of " + std::to_string(layers.size()) + " layers"};
    layers::Tree tree;
    Output output{output_fd, created, options};
    DataWriter data{output, tree, options, stop};
    const layers::Policy policy{.keep_owners = options.owners == Owners::keep,
                                .keep_modes = options.modes == Modes::keep,
                                .user_xattrs = options.xattrs == Xattrs::user};
    layers::TreeMerger merger{tree, data, policy, limits};
    Decoders decoders{layers, options, limits};
    try {
        merge_all(decoders, layers.size(), merger, limits, stop);
    } catch (...) {
        // The decoders' threads are waited for after this: a read that hangs must not hold them up.
        for (const LayerInput & layer : layers)
            if (layer.cancel) layer.cancel();
        throw;
    }
    data.finish();
    Result result;
    result.entries = write_tables(output, tree, data, created);
    output.file.pad_to(4096);
    verify(output);
    result.size_bytes = output.file.size_bytes();
    result.unpacked_bytes = merger.unpacked_bytes();
    result.dropped_devices = merger.dropped().devices;
    result.dropped_setid = merger.dropped().setid;
    result.dropped_xattrs = merger.dropped().xattrs;
    return result;
}

} // namespace shifter::squash
