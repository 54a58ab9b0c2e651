/** @file Waiting for what other threads do, in tests: for a condition, never for a time. */
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

namespace shifter::testing {

/** Whether `condition` came to hold, within half a minute. */
template <class Condition> [[nodiscard]] bool soon(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
}

/** How often this process has `path` open: with a file that is opened to be locked, who has come to the lock. */
[[nodiscard]] inline std::size_t descriptors_of(const std::string & path) {
    const auto wanted = std::filesystem::weakly_canonical(path);
    std::size_t count = 0;
    for (const auto & entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        std::error_code is_closed_by_now;
        if (std::filesystem::read_symlink(entry.path(), is_closed_by_now) == wanted) ++count;
    }
    return count;
}

} // namespace shifter::testing
