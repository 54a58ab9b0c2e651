/**
 * @file
 * Decodes one layer in a thread of its own: opens the source, takes the compression off, and hands the tar stream on in
 * chunks. The diffID is checked in the reader's thread, beside the decompression and not after it: a layer of which little
 * is compressed anew has only these two to wait for.
 */
#pragma once

#include "base/digest.hpp"
#include "layers/chunk_queue.hpp"
#include "layers/decompressor.hpp"
#include "layers/limits.hpp"
#include "oci/byte_source.hpp"
#include "oci/sha256.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>

namespace shifter::layers {

inline constexpr std::size_t chunk_bytes = 512U << 10U;
inline constexpr std::size_t chunks_per_layer = 6;

/** What one decoder holds at most, a zstd window beyond the common one not counted. */
inline constexpr std::size_t decoder_memory_bytes =
    (chunks_per_layer * chunk_bytes) + common_window_bytes + (256U << 10U);

class Decoder {
public:
    struct Layer {
        std::string name; ///< for messages: "layer sha256:…"
        Digest diff_id;
        std::function<std::unique_ptr<oci::ByteSource>()> open; ///< called once, from the decoder's thread
    };

    /** Starts at once. `limits` bounds what the layer may unpack to. */
    Decoder(Layer layer, const Limits & limits);
    /** Ends the thread; a read of the source that is under way is waited for. */
    ~Decoder();
    Decoder(const Decoder &) = delete;
    Decoder & operator=(const Decoder &) = delete;

    /** From now on this is the layer that is read: it may use a large window. */
    void take_turn();
    /**
     * The next piece of the tar stream, valid until the next call; empty at the end, and then the diffID was right and
     * the source has checked its digest.
     * @throws what the source threw, unchanged; Error naming the layer for everything else
     */
    [[nodiscard]] std::span<const std::byte> next(const std::stop_token & stop);

private:
    void run(const std::stop_token & stop) noexcept;
    void decode(oci::ByteSource & source, const std::stop_token & stop);
    void check_diff_id();

    Layer layer_;
    std::uint64_t max_bytes_;
    ChunkQueue queue_{chunks_per_layer, chunk_bytes};
    Chunk current_;
    oci::Hasher hasher_;
    bool is_checked_ = false;
    std::mutex turn_mutex_;
    std::condition_variable_any turn_changed_;
    bool has_turn_ = false;
    std::jthread thread_; ///< last: it ends before what it uses
};

} // namespace shifter::layers
