#include "base/text.hpp"

#include <algorithm>
#include <limits>

namespace shifter::text {
namespace {

bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

} // namespace

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    pieces.reserve(1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), separator)));
    for (;;) {
        const std::size_t end = text.find(separator);
        pieces.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return pieces;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> result;
    result.reserve(12); // more than most lines have
    for (std::size_t begin = 0; begin < text.size();) {
        if (is_blank(text[begin])) {
            ++begin;
            continue;
        }
        std::size_t end = begin;
        while (end < text.size() && !is_blank(text[end])) ++end;
        result.push_back(text.substr(begin, end - begin));
        begin = end;
    }
    return result;
}

std::string to_lower(std::string_view text) {
    std::string result{text};
    std::transform(result.begin(), result.end(), result.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return result;
}

std::string join(const std::vector<std::string> & parts, std::string_view separator) {
    std::string result;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) result += separator;
        result += parts[i];
    }
    return result;
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
    constexpr std::string_view suffixes = "bkmgtpe";
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    // Whole numbers exactly, so that what is printed reads back; fractions by hand, since the library's conversion would
    // bring libm into the set-id program.
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    constexpr double most_places = 1e15; // more of them change nothing
    std::uint64_t whole = 0;
    double fraction = 0;
    double place = 0; // 0 before the point
    std::size_t end = 0;
    for (; end < text.size() && (is_digit(text[end]) || text[end] == '.'); ++end) {
        const auto digit = static_cast<std::uint64_t>(text[end] - '0');
        if (text[end] == '.') {
            if (place != 0) return std::nullopt;
            place = 1;
        } else if (place == 0) {
            if (whole > (most - digit) / 10) return std::nullopt;
            whole = whole * 10 + digit;
        } else if (place < most_places) {
            place *= 10;
            fraction += static_cast<double>(digit) / place;
        }
    }
    std::uint64_t factor = 1;
    if (end < text.size()) {
        const char letter = text[end];
        const std::size_t power =
            suffixes.find(letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter);
        if (power == std::string_view::npos) return std::nullopt;
        factor = std::uint64_t{1} << (10U * power);
        // "100GB" and "100GiB" work in the field; other trailing text does not say what was meant.
        const std::string tail = to_lower(text.substr(end + 1));
        if (!tail.empty() && tail != "b" && tail != "ib") return std::nullopt;
    }
    const auto part = static_cast<std::uint64_t>(fraction * static_cast<double>(factor)); // below 2^60
    if (whole > (most - part) / factor) return std::nullopt;
    return whole * factor + part;
}

} // namespace shifter::text
