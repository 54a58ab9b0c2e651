/**
 * @file
 * Images as they were read a moment ago: a job start is thousands of lookups of one image. What is known counts only
 * while the database itself says that nothing has changed, so nobody is ever told what was (R9, I33).
 */
#pragma once

#include "catalog/types.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace shifter::catalog {

/** By tag, or by identifier (ImageType::id). From any thread. */
class KnownImages {
public:
    static constexpr std::size_t most_images = 256;
    static constexpr std::size_t most_bytes_of_one = 64U << 10U; ///< larger ones are read each time

    /** @param mark  sql::Database::change_mark() of this very question; another one than before empties the memory */
    [[nodiscard]] std::shared_ptr<const Image> find(std::int64_t mark, const ImageKey & key);
    /** @param mark  of the question that was asked before `image` was read; when a later one differed, nothing is kept
     */
    void remember(std::int64_t mark, const ImageKey & key, std::shared_ptr<const Image> image);

private:
    std::mutex mutex_;
    std::int64_t mark_ = 0;
    std::map<ImageKey, std::shared_ptr<const Image>> known_;
};

} // namespace shifter::catalog
