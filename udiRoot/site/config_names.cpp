#include "site/config_names.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <numeric>

namespace shifter {
namespace {

/** How many insertions, deletions and changes of a character make one text of the other (Levenshtein). */
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i] == b[j] ? 0U : 1U);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

} // namespace

std::string suggest_name(const std::vector<std::string_view> & known, std::string_view mistyped) {
    constexpr std::size_t max_length = 64; // of the mistyped one: the work grows with it
    if (mistyped.size() > max_length) return {};
    const std::string lower = text::to_lower(mistyped);
    std::size_t best = std::max<std::size_t>(2, mistyped.size() / 4) + 1;
    std::string_view nearest;
    for (const std::string_view name : known) {
        if (name.size() + best <= lower.size() || lower.size() + best <= name.size()) continue; // too far by length alone
        const std::size_t distance = edit_distance(lower, text::to_lower(name));
        if (distance < best) {
            best = distance;
            nearest = name;
        }
    }
    return nearest.empty() ? std::string{} : "; is " + std::string{nearest} + " meant?";
}

bool could_grant(std::string_view key) {
    const std::string lower = text::to_lower(key);
    const bool is_path = lower.size() >= 4 && lower.compare(lower.size() - 4, 4, "path") == 0;
    return is_path || lower.compare(0, 5, "allow") == 0 || lower.find("acl") != std::string::npos;
}

bool is_module_name(std::string_view name) {
    constexpr std::size_t max_length = 64;
    constexpr std::string_view marks = "._+-";
    const auto is_plain = [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               marks.find(c) != std::string_view::npos;
    };
    return !name.empty() && name.size() <= max_length && name != "." && name != ".." &&
           std::all_of(name.begin(), name.end(), is_plain);
}

} // namespace shifter
