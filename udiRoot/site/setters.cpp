#include "site/setters.hpp"

#include <array>

namespace shifter::setters {
namespace {

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

} // namespace

Refusal read_path(std::string & path, std::string_view value) {
    const auto normal = ContainerPath::parse(value);
    if (!normal) return normal.error().what;
    if (has_control(value)) return "the path " + quoted(value) + " holds a control character";
    if (normal->to_string() == "/") return "\"/\" cannot be meant here";
    path = normal->to_string();
    return std::nullopt;
}

Refusal read_boolean(bool & flag, std::string_view value) {
    const std::string word = text::to_lower(value);
    // Deployed Shifter took every number but 0 for yes; words meant no, silently (H3-3).
    const bool is_number = std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (is_number) {
        flag = word.find_first_not_of('0') != std::string::npos;
    } else if (word == "yes" || word == "true" || word == "on") {
        flag = true;
    } else if (word == "no" || word == "false" || word == "off") {
        flag = false;
    } else {
        return quoted(value) + " is neither yes nor no; write 1 or 0";
    }
    return std::nullopt;
}

Refusal read_assignments(std::vector<std::pair<std::string, std::string>> & list, std::string_view value) {
    for (const std::string_view word : text::words(value)) {
        const std::size_t equals = word.find('=');
        if (equals == std::string_view::npos || equals == 0)
            return quoted(word) + " is not NAME=VALUE; blanks separate the assignments";
        if (has_control(word)) return quoted(word) + " holds a control character";
        list.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
    return std::nullopt;
}

Refusal read_names(std::vector<std::string> & list, std::string_view value) {
    for (const std::string_view word : text::words(value)) {
        // They become variables, lines of passwd, parts of paths.
        if (has_control(word) || word.find_first_of("=:,/") != std::string_view::npos)
            return quoted(word) + " is not a name; blanks separate the names";
        list.emplace_back(word);
    }
    return std::nullopt;
}

Refusal read_volumes(std::vector<Volume> & volumes, std::string_view value) {
    const auto map = parse_volume_map(value, VolumeOwner::site);
    if (!map) return map.error().what;
    volumes.insert(volumes.end(), map->begin(), map->end());
    return std::nullopt;
}

Refusal read_directories(std::vector<std::string> & list, std::string_view value) {
    for (const std::string_view word : text::words(value)) {
        const auto path = ContainerPath::parse(word);
        if (!path) return path.error().what + "; blanks separate the directories";
        if (has_control(word)) return "the path " + quoted(word) + " holds a control character";
        list.push_back(path->to_string());
    }
    return std::nullopt;
}

Refusal read_urls(std::vector<std::string> & urls, std::string_view value) {
    for (std::string_view word : text::words(value)) {
        const std::size_t scheme = word.find("://");
        const bool known =
            scheme == std::string_view::npos || word.substr(0, scheme) == "http" || word.substr(0, scheme) == "https";
        if (!known || has_control(word))
            return quoted(word) + " is not a URL of a gateway; write for example http://gateway:5000";
        while (!word.empty() && word.back() == '/') word.remove_suffix(1);
        const std::string_view host =
            scheme == std::string_view::npos ? word : word.substr(std::min(scheme + 3, word.size()));
        if (host.empty()) return "a URL of a gateway names no host";
        // Deployed clients left it to libcurl, which takes http for a URL without a scheme.
        urls.push_back((scheme == std::string_view::npos ? "http://" : "") + std::string{word});
    }
    return std::nullopt;
}

} // namespace shifter::setters
