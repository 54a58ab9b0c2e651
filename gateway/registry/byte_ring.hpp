/**
 * @file
 * A bounded queue of bytes between one thread that writes and one that reads.
 */
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <span>

namespace shifter::registry {

class ByteRing {
public:
    /** Memory is touched as it is used, so a ring that stays nearly empty costs nearly nothing. */
    explicit ByteRing(std::size_t capacity);

    /** Waits while the ring is full. False when the ring was abandoned: nobody will read on. */
    [[nodiscard]] bool write(std::span<const std::byte> bytes);
    /** No more will be written; the reader sees the end after the last byte. */
    void close();
    /** The reader gets `error` at once: what it has not read yet is of no use. */
    void fail(std::exception_ptr error);
    /** Ends waits of the writer, now and later. */
    void abandon();

    /** At least one byte, or 0 at the end. Throws what fail() was given. */
    [[nodiscard]] std::size_t read(std::span<std::byte> buffer);

private:
    [[nodiscard]] std::size_t free_bytes() const noexcept { return capacity_ - used_; }

    const std::size_t capacity_;
    std::unique_ptr<std::byte[]> bytes_;
    std::mutex mutex_;
    std::condition_variable readable_;
    std::condition_variable writable_;
    std::size_t begin_ = 0; ///< where the reader goes on
    std::size_t used_ = 0;
    bool closed_ = false;
    bool abandoned_ = false;
    std::exception_ptr error_;
};

} // namespace shifter::registry
