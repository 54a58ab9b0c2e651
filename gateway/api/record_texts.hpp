/**
 * @file
 * Records as text, of images that the catalog gives to many callers: written once.
 */
#pragma once

#include "api/records.hpp"

#include <map>
#include <mutex>
#include <string>
#include <tuple>

namespace shifter::api {

/** From any thread. */
class RecordTexts {
public:
    static constexpr std::size_t most_texts = 256;
    static constexpr std::size_t most_bytes_of_one = 64U << 10U; ///< longer ones are written each time

    /** image_record(), kept while somebody else holds the very same image: the catalog, which gives it to the next
     * caller. Who sees less of an image has an image of his own (I33). */
    [[nodiscard]] std::string of(const catalog::SharedImage & image, const RecordParts & parts);

private:
    using Key = std::tuple<const catalog::Image *, bool, bool>;
    struct Known {
        std::weak_ptr<const catalog::Image> image; ///< says whether the address still means the same image
        std::string text;
    };

    std::mutex mutex_;
    std::map<Key, Known> known_;
};

} // namespace shifter::api
