/**
 * @file
 * The end of images: expiry, low and high water, and the removal of files that no node can need any more (R4, R14).
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/publisher.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace shifter::catalog {

struct HousekeepingRules {
    /** ImageExpirationTimeout: what a lookup adds; the time of the last one follows from an image's expiration. */
    std::chrono::seconds expiration{90 * 86400};
    /** Files stay for so long after their image was taken from the catalog: for jobs that have looked it up, and for
     * nodes that have it mounted over a network file system. Nothing younger is ever evicted, either. */
    std::chrono::seconds grace{86400};
    std::uint64_t high_water_bytes = 0; ///< images over this are evicted down to the low water; 0: never
    std::uint64_t low_water_bytes = 0;
};

class Housekeeping {
public:
    Housekeeping(Catalog & catalog, std::string system, ImageStorage storage, HousekeepingRules rules,
                 std::stop_token stop = {})
        : catalog_{catalog}, system_{std::move(system)}, storage_{std::move(storage)}, rules_{rules}, stop_{std::move(
                                                                                                          stop)} {}

    /** What expire() would take now, and evict() after it. */
    [[nodiscard]] std::vector<Image> overdue(Time now);
    [[nodiscard]] std::vector<Image> evictable(Time now);

    /** Retires what is overdue, and what is too much, the longest unused first. Returns what was taken. */
    std::vector<Image> expire(Time now);
    /** Retires one image that has lost its last tag; false when it has one again. */
    bool retire(const ImageId & id, Time now);
    /** Removes the files of images that were retired longer ago than the grace. Returns how many. */
    unsigned sweep(Time now);

private:
    bool take(const Image & image, Time before, Time now);

    Catalog & catalog_;
    std::string system_;
    ImageStorage storage_;
    HousekeepingRules rules_;
    std::stop_token stop_;
};

} // namespace shifter::catalog
