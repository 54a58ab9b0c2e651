/**
 * @file
 * What the doctor finds: one line a check, and one line of advice for each that is not well.
 */
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::doctor {

enum class Status {
    ok,
    warning, ///< containers start, not as well as they could; or it could not be examined
    failed,  ///< containers do not start, or not all of them
};

struct Finding {
    Status status = Status::ok;
    std::string what;   ///< what was found, without a full stop
    std::string advice; ///< what to do; empty when it is well
    bool operator==(const Finding &) const = default;
};

[[nodiscard]] inline Finding well(std::string what) { return {Status::ok, std::move(what), {}}; }
[[nodiscard]] inline Finding warn(std::string what, std::string advice) {
    return {Status::warning, std::move(what), std::move(advice)};
}
[[nodiscard]] inline Finding fail(std::string what, std::string advice) {
    return {Status::failed, std::move(what), std::move(advice)};
}

/** One question. `examine` may take long, or throw Error: the doctor gives it a process of its own, and a time limit.
 */
struct Check {
    std::string_view name;
    std::function<Finding()> examine;
};

struct Result {
    std::string name;
    Finding finding;
    bool operator==(const Result &) const = default;
};

} // namespace shifter::doctor
