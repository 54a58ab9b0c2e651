/**
 * @file
 * Small, exact operations on text: no locale, no allocation beyond the result.
 */
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace shifter::text {

/** Without blanks (space, \t, \r, \n, \v, \f) at both ends. */
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
/** The pieces between separators; empty pieces are kept; an empty text gives one empty piece. */
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
/** The words between runs of blanks. */
[[nodiscard]] std::vector<std::string_view> words(std::string_view text);
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string join(const std::vector<std::string> & parts, std::string_view separator);

/** The whole text as a decimal number without sign or blanks, or nothing (also when it does not fit). */
template <class Number> [[nodiscard]] std::optional<Number> parse_unsigned(std::string_view text) noexcept {
    Number value{};
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/** A size as the contract writes it (3.2): number, optional fraction, optional suffix b k m g t p e, powers of 1024. */
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

} // namespace shifter::text
