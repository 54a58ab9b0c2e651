/**
 * @file
 * Lists of words as ENTRY and CMD of a record hold them: Python literals of older gateways (['a', u'b\n']) and JSON
 * arrays of strings. Contract 2.6, H2-6.
 */
#pragma once

#include "base/expected.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shifter {

/**
 * Reads "[…]" whole. Both grammars at once: quotes ' or ", an optional u in front, the escapes of Python and of JSON
 * (\uXXXX with surrogate pairs), a comma after the last element allowed. Escapes that name a character give UTF-8;
 * other bytes are kept as they are. Refuses NUL, anything that is no string, and strings side by side.
 */
[[nodiscard]] Expected<std::vector<std::string>> parse_string_list(std::string_view text);

/** Reads one string in quotes, whole, by the same rules. */
[[nodiscard]] Expected<std::string> parse_quoted_string(std::string_view text);

/** A Python literal, which deployed runtimes read, when no element needs an escape; else JSON. One line in any case. */
[[nodiscard]] std::string format_string_list(const std::vector<std::string> & words);

/** A JSON string. Bytes that are not ASCII stand for themselves. */
[[nodiscard]] std::string format_quoted_string(std::string_view text);

} // namespace shifter
