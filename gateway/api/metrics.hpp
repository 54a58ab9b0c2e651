/**
 * @file
 * What GET /metrics tells: the text format 0.0.4 of Prometheus, and the count of requests.
 */
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shifter::api {

/** Builds the text: each family with its help and type, then its samples. */
class MetricsText {
public:
    using Labels = std::vector<std::pair<std::string_view, std::string>>;

    /** `name` without a suffix of ours; counters end in _total. `help` is one line. */
    void family(std::string_view name, std::string_view type, std::string_view help);
    /** Of the family that was begun last. */
    void sample(const Labels & labels, double value);
    void sample(double value) { sample({}, value); }
    [[nodiscard]] std::string finish() && { return std::move(text_); }

private:
    std::string text_;
    std::string name_;
};

/** How many requests each route has answered, by status. From any thread. */
class RequestCounts {
public:
    /** @param route  the pattern of a route, which outlives this; empty for a path that is none */
    void add(std::string_view route, int status);
    void write(MetricsText & text) const;

private:
    mutable std::mutex mutex_;
    std::map<std::pair<std::string_view, int>, std::uint64_t> counts_;
};

} // namespace shifter::api
