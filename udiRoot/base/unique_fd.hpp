/**
 * @file
 * Ownership of a file descriptor.
 */
#pragma once

#include <utility>

namespace shifter {

/** Owns a descriptor, or none (-1). Closing keeps errno; assigning over a held one closes it. */
class UniqueFd {
public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_{fd} {}
    UniqueFd(UniqueFd && other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    UniqueFd & operator=(UniqueFd && other) noexcept {
        if (this != &other) reset(std::exchange(other.fd_, -1));
        return *this;
    }
    UniqueFd(const UniqueFd &) = delete;
    UniqueFd & operator=(const UniqueFd &) = delete;
    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    void reset(int fd = -1) noexcept;

private:
    int fd_ = -1;
};

} // namespace shifter
