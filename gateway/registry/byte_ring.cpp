#include "registry/byte_ring.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace shifter::registry {
namespace {

constexpr std::size_t least_capacity = std::size_t{64} << 10U;

} // namespace

// new without an initialiser: pages that are never used are never made.
ByteRing::ByteRing(std::size_t capacity)
    : capacity_{std::max(capacity, least_capacity)}, bytes_{new std::byte[capacity_]} {}

bool ByteRing::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        std::size_t at = 0;
        std::size_t count = 0;
        {
            std::unique_lock lock{mutex_};
            if (free_bytes() == 0) // then for a good part of it: one wake-up for many pieces
                writable_.wait(lock, [this] { return free_bytes() >= capacity_ / 4 || abandoned_; });
            if (abandoned_) return false;
            at = (begin_ + used_) % capacity_;
            count = std::min({bytes.size(), free_bytes(), capacity_ - at});
        }
        // Outside the lock: the reader does not touch free bytes.
        std::memcpy(bytes_.get() + at, bytes.data(), count);
        bytes = bytes.subspan(count);
        {
            const std::lock_guard lock{mutex_};
            used_ += count;
        }
        readable_.notify_one();
    }
    return true;
}

void ByteRing::close() {
    {
        const std::lock_guard lock{mutex_};
        closed_ = true;
    }
    readable_.notify_all();
}

void ByteRing::fail(std::exception_ptr error) {
    {
        const std::lock_guard lock{mutex_};
        error_ = std::move(error);
    }
    readable_.notify_all();
}

void ByteRing::abandon() {
    {
        const std::lock_guard lock{mutex_};
        abandoned_ = true;
    }
    writable_.notify_all();
}

std::size_t ByteRing::read(std::span<std::byte> buffer) {
    if (buffer.empty()) return 0;
    std::size_t at = 0;
    std::size_t count = 0;
    {
        const std::size_t enough = std::min({buffer.size(), capacity_ / 4, least_capacity});
        std::unique_lock lock{mutex_};
        readable_.wait(lock, [&] { return used_ >= enough || closed_ || error_; });
        if (error_) std::rethrow_exception(error_);
        if (used_ == 0) return 0;
        at = begin_;
        count = std::min({buffer.size(), used_, capacity_ - at});
    }
    std::memcpy(buffer.data(), bytes_.get() + at, count);
    {
        const std::lock_guard lock{mutex_};
        begin_ = (begin_ + count) % capacity_;
        used_ -= count;
    }
    writable_.notify_one();
    return count;
}

} // namespace shifter::registry
