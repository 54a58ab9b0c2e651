#include "layers/chunk_queue.hpp"

#include "base/error.hpp"

#include <utility>

namespace shifter::layers {

Chunk ChunkQueue::take_empty(const std::stop_token & stop) {
    std::unique_lock lock{mutex_};
    if (!changed_.wait(lock, stop, [&] { return !empty_.empty() || free_chunks_ > 0; }))
        throw Error{"the conversion was stopped"};
    if (!empty_.empty()) {
        Chunk chunk = std::move(empty_.back());
        empty_.pop_back();
        return chunk;
    }
    --free_chunks_;
    lock.unlock();
    return Chunk{std::vector<std::byte>(chunk_bytes_), 0};
}

void ChunkQueue::push(Chunk chunk) {
    {
        const std::lock_guard lock{mutex_};
        full_.push_back(std::move(chunk));
    }
    changed_.notify_all();
}

void ChunkQueue::close(std::exception_ptr error) {
    {
        const std::lock_guard lock{mutex_};
        closed_ = true;
        error_ = std::move(error);
    }
    changed_.notify_all();
}

bool ChunkQueue::next(Chunk & chunk, const std::stop_token & stop) {
    std::unique_lock lock{mutex_};
    if (!chunk.buffer.empty()) {
        empty_.push_back(std::exchange(chunk, Chunk{}));
        changed_.notify_all();
    }
    if (!changed_.wait(lock, stop, [&] { return !full_.empty() || closed_; }))
        throw Error{"the conversion was stopped"};
    if (!full_.empty()) {
        chunk = std::move(full_.front());
        full_.pop_front();
        return true;
    }
    if (error_) std::rethrow_exception(error_);
    return false;
}

} // namespace shifter::layers
