/**
 * @file
 * The form of the service's log lines: fields, one after the other (shifter-gateway(8)). I35: no value can add one.
 */
#pragma once

#include "base/error.hpp"

#include <string>
#include <string_view>

namespace shifter::log {

/** " name=value"; in quotes where the value holds a blank, a quote, a backslash or '=', or is empty. */
[[nodiscard]] inline std::string field(std::string_view name, std::string_view value) {
    std::string text = " ";
    text += name;
    text += '=';
    const bool is_plain = !value.empty() && value.find_first_of(" \"\\=") == std::string_view::npos;
    text += is_plain ? std::string{value} : shifter::quoted(value);
    return text;
}

} // namespace shifter::log
