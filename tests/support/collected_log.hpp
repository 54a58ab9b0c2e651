/** @file What is logged while an object lives, for tests. */
#pragma once

#include "base/log.hpp"

#include <mutex>
#include <string>

namespace shifter::testing {

/** One at a time. Threads of the code under test may log meanwhile. */
class CollectedLog {
public:
    explicit CollectedLog(log::Level level = log::Level::info) {
        log::set_level(level);
        log::set_sink([this](log::Level, std::string_view line) {
            const std::lock_guard lock{mutex_};
            text_ += std::string{line} + "\n";
        });
    }
    ~CollectedLog() {
        log::set_sink([](log::Level, std::string_view) {});
    }
    CollectedLog(const CollectedLog &) = delete;
    CollectedLog & operator=(const CollectedLog &) = delete;
    [[nodiscard]] std::string text() const {
        const std::lock_guard lock{mutex_};
        return text_;
    }

private:
    mutable std::mutex mutex_;
    std::string text_;
};

} // namespace shifter::testing
