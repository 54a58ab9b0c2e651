#include "pull/layer_meter.hpp"

#include "registry/registry_client.hpp"

#include <algorithm>

namespace shifter::pull {

namespace {

class WatchedSource : public oci::ByteSource {
public:
    WatchedSource(std::unique_ptr<oci::ByteSource> blob, std::shared_ptr<LayerMeter> meter)
        : blob_{std::move(blob)}, meter_{std::move(meter)} {}
    std::size_t read(std::span<std::byte> buffer) override {
        try {
            return blob_->read(buffer);
        } catch (const registry::RegistryError & error) {
            // A conversion that has failed stops its own downloads: that is no trouble of the registry.
            if (error.cause() != registry::Cause::stopped) meter_->note_registry_trouble(error.what());
            throw;
        }
    }

private:
    std::unique_ptr<oci::ByteSource> blob_;
    std::shared_ptr<LayerMeter> meter_;
};

} // namespace

LayerMeter::LayerMeter(const std::vector<oci::Descriptor> & layers)
    : done_{new std::atomic<std::uint64_t>[layers.size()] {}} {
    for (const auto & layer : layers) layers_.push_back({layer.digest.to_string(), 0, layer.size_bytes});
}

catalog::Progress LayerMeter::snapshot() const {
    catalog::Progress progress{layers_, 0, 0};
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        auto & layer = progress.layers[i];
        layer.bytes_done = std::min(done_[i].load(), layer.bytes_total); // a blob that had to begin anew arrives twice
        progress.bytes_done += layer.bytes_done;
        progress.bytes_total += layer.bytes_total;
    }
    return progress;
}

bool LayerMeter::has_all() const noexcept {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        if (done_[i].load() < layers_[i].bytes_total) return false;
    }
    return true;
}

void LayerMeter::note_registry_trouble(const std::string & sentence) {
    const std::lock_guard lock{mutex_};
    if (!trouble_) trouble_ = sentence;
}

std::optional<std::string> LayerMeter::registry_trouble() const {
    const std::lock_guard lock{mutex_};
    return trouble_;
}

std::unique_ptr<oci::ByteSource> watch(std::unique_ptr<oci::ByteSource> blob, std::shared_ptr<LayerMeter> meter) {
    return std::make_unique<WatchedSource>(std::move(blob), std::move(meter));
}

} // namespace shifter::pull
