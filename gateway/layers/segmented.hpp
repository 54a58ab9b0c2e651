/**
 * @file
 * A growing array that never moves its elements and never holds half of itself as reserve, as std::vector does while it
 * grows: the tree's memory is promised by the path.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

namespace shifter::layers {

template <class T, std::size_t segment_log2 = 12> class Segmented {
public:
    [[nodiscard]] T & operator[](std::uint32_t index) { return segments_[index >> segment_log2][index & mask]; }
    [[nodiscard]] const T & operator[](std::uint32_t index) const {
        return segments_[index >> segment_log2][index & mask];
    }
    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

    /** The index of the new element. */
    std::uint32_t push_back(const T & value) {
        if (size_ == std::numeric_limits<std::uint32_t>::max()) throw std::length_error{"the image has too many files"};
        if ((size_ & mask) == 0) segments_.push_back(std::make_unique<T[]>(std::size_t{1} << segment_log2));
        (*this)[size_] = value;
        return size_++;
    }

private:
    static constexpr std::uint32_t mask = (1U << segment_log2) - 1;
    std::vector<std::unique_ptr<T[]>> segments_;
    std::uint32_t size_ = 0;
};

} // namespace shifter::layers
