/**
 * @file
 * Strings as one text, each with its length in front: "5:first0:". What the plugin hands to the programs that it puts
 * in front of a task's command or of sshd, and to a credential.
 */
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::slurm_plugin {

inline std::string encode_strings(const std::vector<std::string> & strings) {
    std::string text;
    for (const std::string & entry : strings) text += std::to_string(entry.size()) + ":" + entry;
    return text;
}

/** At most eight digits; nothing for anything else. */
inline std::optional<std::size_t> parse_count(std::string_view text) {
    std::size_t value = 0;
    if (text.empty() || text.size() > 8) return std::nullopt;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<std::size_t>(c - '0');
    }
    return value;
}

inline std::optional<std::vector<std::string>> decode_strings(std::string_view text) {
    std::vector<std::string> strings;
    while (!text.empty()) {
        const std::size_t colon = text.find(':');
        const auto size = parse_count(text.substr(0, colon));
        if (colon == std::string_view::npos || !size || *size > text.size() - colon - 1) return std::nullopt;
        strings.emplace_back(text.substr(colon + 1, *size));
        text.remove_prefix(colon + 1 + *size);
    }
    return strings;
}

} // namespace shifter::slurm_plugin
