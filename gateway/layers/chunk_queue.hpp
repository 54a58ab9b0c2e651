/**
 * @file
 * A bounded queue of decoded bytes between one decoder and one reader. Its buffers go round, so a layer costs the same
 * memory whatever its size, and a reader who waits makes the decoder wait (and with it the transfer).
 */
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <stop_token>
#include <vector>

namespace shifter::layers {

struct Chunk {
    std::vector<std::byte> buffer;
    std::size_t size = 0; ///< bytes of it that are filled
};

class ChunkQueue {
public:
    ChunkQueue(std::size_t chunks, std::size_t chunk_bytes) : free_chunks_{chunks}, chunk_bytes_{chunk_bytes} {}

    /** Producer: an empty chunk, as soon as there is one. @throws Error  when `stop` was requested */
    [[nodiscard]] Chunk take_empty(const std::stop_token & stop);
    void push(Chunk chunk);
    /** Producer: nothing more comes; with an error, the reader will get it after what was pushed. */
    void close(std::exception_ptr error = nullptr);

    /** Reader: false at the end; the chunk that `chunk` held goes back. Rethrows the producer's error. */
    [[nodiscard]] bool next(Chunk & chunk, const std::stop_token & stop);

private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Chunk> full_;
    std::vector<Chunk> empty_;
    std::size_t free_chunks_; ///< not allocated yet
    std::size_t chunk_bytes_;
    bool closed_ = false;
    std::exception_ptr error_;
};

} // namespace shifter::layers
