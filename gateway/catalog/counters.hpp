/**
 * @file
 * What this process has done since it started, for GET /metrics: counted where it happens, by any thread.
 */
#pragma once

#include <atomic>
#include <cstdint>

namespace shifter::catalog {

struct Counters {
    std::atomic<std::uint64_t> catalog_errors{0};
    std::atomic<std::uint64_t> pulls_ready{0};
    std::atomic<std::uint64_t> pulls_failed{0};
    std::atomic<std::uint64_t> bytes_pulled{0}; ///< of layers, as they arrived; those of pulls that failed count, too
    std::atomic<std::uint64_t> conversions{0};  ///< pulls that were not answered by a file that was there
    std::atomic<std::uint64_t> conversion_milliseconds{0};
    std::atomic<std::uint64_t> unremoved_files{0}; ///< that the storage would not let go: the caretaker tries again
    std::atomic<std::uint64_t> layers_reused{0}; ///< in these, layers that came from the layer cache
};

/** One for the process, as the log is. */
[[nodiscard]] inline Counters & counters() noexcept {
    static Counters counted;
    return counted;
}

} // namespace shifter::catalog
