/**
 * @file
 * Whether an image's file is there and whole, asked at each lookup (R1) and looked at on the disk a few times a minute:
 * a job start is thousands of lookups of one image.
 */
#pragma once

#include "base/image_id.hpp"
#include "catalog/publisher.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace shifter::catalog {

/** Thread-safe. Remembers only what was whole: damage is looked at anew each time, so that its repair is seen at once.
 */
class WholeImages {
public:
    explicit WholeImages(std::chrono::milliseconds believed = std::chrono::seconds{5}) : believed_{believed} {}

    /** @throws Error when the directory cannot be opened: storage that is away is no missing image */
    [[nodiscard]] bool is_whole(const ImageStorage & storage, const ImageId & id);

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t most = 10'000;

    std::chrono::milliseconds believed_;
    std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, Clock::time_point> seen_; ///< by directory and id
};

} // namespace shifter::catalog
