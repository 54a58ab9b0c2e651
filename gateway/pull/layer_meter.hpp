/**
 * @file
 * How far the layers of a pull have come, counted by the threads that download them, read by the one that reports.
 */
#pragma once

#include "catalog/types.hpp"
#include "oci/byte_source.hpp"
#include "oci/manifest.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace shifter::pull {

class LayerMeter {
public:
    explicit LayerMeter(const std::vector<oci::Descriptor> & layers);

    void add(std::size_t layer, std::uint64_t bytes) noexcept { done_[layer] += bytes; }
    [[nodiscard]] catalog::Progress snapshot() const;
    [[nodiscard]] bool has_all() const noexcept;

    /** Remembers the first trouble with the registry: what comes out of the conversion may only be its echo. */
    void note_registry_trouble(const std::string & sentence);
    [[nodiscard]] std::optional<std::string> registry_trouble() const;

private:
    std::vector<catalog::LayerProgress> layers_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> done_;
    mutable std::mutex mutex_;
    std::optional<std::string> trouble_;
};

/** Passes a blob on, and tells `meter` when the registry fails it. */
[[nodiscard]] std::unique_ptr<oci::ByteSource> watch(std::unique_ptr<oci::ByteSource> blob,
                                                     std::shared_ptr<LayerMeter> meter);

} // namespace shifter::pull
