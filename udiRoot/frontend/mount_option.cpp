#include "frontend/mount_option.hpp"

#include "base/text.hpp"
#include "site/volume_map.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace shifter::frontend {
namespace {

struct Synonym {
    std::string_view key;
    std::string_view meaning;
};
constexpr std::array synonyms = {Synonym{"type", "type"},
                                 Synonym{"source", "source"},
                                 Synonym{"src", "source"},
                                 Synonym{"destination", "destination"},
                                 Synonym{"dst", "destination"},
                                 Synonym{"target", "destination"},
                                 Synonym{"readonly", "readonly"},
                                 Synonym{"ro", "readonly"},
                                 Synonym{"size", "size"},
                                 Synonym{"tmpfs-size", "size"},
                                 Synonym{"bind-propagation", "propagation"}};

using Settings = std::map<std::string_view, std::string_view>;

Expected<Settings> read_settings(std::string_view text) {
    Settings settings;
    for (const std::string_view pair : text::split(text, ',')) {
        const std::size_t equals = pair.find('=');
        const std::string key = text::to_lower(pair.substr(0, equals));
        const auto known =
            std::find_if(synonyms.begin(), synonyms.end(), [&](const Synonym & s) { return s.key == key; });
        if (known == synonyms.end())
            return ParseError{0, "there is no key " + quoted(key) +
                                     "; keys are type, source, destination, readonly, size and bind-propagation"};
        if (equals == std::string_view::npos && known->meaning != "readonly")
            return ParseError{0, key + (" needs a value, as in " + key).append("=VALUE")};
        const std::string_view value = equals == std::string_view::npos ? "true" : pair.substr(equals + 1);
        if (!settings.emplace(known->meaning, value).second)
            return ParseError{0, "the " + std::string{known->meaning} + " is there twice"};
    }
    return settings;
}

/** A value becomes a part of an entry, where these would mean something. */
std::optional<std::string> refuse_value(std::string_view value) {
    const std::size_t mark = value.find_first_of(":;\" \t\r\n\v\f");
    if (mark == std::string_view::npos) return std::nullopt;
    return "the character " + quoted(value.substr(mark, 1)) + " cannot stand in " + quoted(value);
}

Expected<std::string> read_only_flag(const Settings & settings) {
    const auto given = settings.find("readonly");
    if (given == settings.end()) return std::string{};
    const std::string value = text::to_lower(given->second);
    if (value == "true" || value == "1") return std::string{":ro"};
    if (value == "false" || value == "0") return std::string{};
    return ParseError{0, "readonly is true or false, not " + quoted(given->second)};
}

} // namespace

Expected<std::string> volume_of_mount_option(std::string_view text) {
    const auto settings = read_settings(text);
    if (!settings) return settings.error();
    const auto value = [&](std::string_view meaning) -> std::optional<std::string> {
        const auto found = settings->find(meaning);
        return found == settings->end() ? std::nullopt : std::optional{std::string{found->second}};
    };
    const std::string type = text::to_lower(value("type").value_or(""));
    if (type.empty()) return ParseError{0, "it needs type=bind or type=tmpfs"};
    if (type != "bind" && type != "tmpfs")
        return ParseError{0, "the type is bind or tmpfs here, not " + quoted(*value("type"))};
    const bool in_memory = type == "tmpfs";
    const auto source = value("source");
    const auto destination = value("destination");
    if (!destination) return ParseError{0, "it needs a destination, as in dst=/data"};
    if (in_memory && source) return ParseError{0, "a tmpfs has no source"};
    if (!in_memory && !source) return ParseError{0, "it needs a source, as in src=/home/me/data"};
    const auto size = value("size");
    if (!in_memory && size) return ParseError{0, "only a tmpfs has a size"};
    for (const auto & text_of : {source, destination, size})
        if (const auto why = refuse_value(text_of.value_or(""))) return ParseError{0, *why};
    if (source && source->substr(0, 1) != "/")
        return ParseError{0, "the path " + quoted(*source) + " does not begin with /"};
    const std::string propagation = text::to_lower(value("propagation").value_or("private"));
    if (propagation != "private" && propagation != "rprivate")
        return ParseError{0, "mounts of users are private, so bind-propagation cannot be " + quoted(propagation)};
    const auto read_only = read_only_flag(*settings);
    if (!read_only) return read_only.error();

    std::string entry = (in_memory ? "tmpfs" : *source) + ":" + *destination + *read_only;
    if (size) entry += ":size=" + *size;
    // The rules of the map, said in terms of this option.
    const auto checked = parse_volume_map(entry, VolumeOwner::user);
    if (!checked) {
        const std::string & what = checked.error().what;
        const std::string prefix = "volume " + quoted(entry) + ": ";
        return ParseError{0, what.compare(0, prefix.size(), prefix) == 0 ? what.substr(prefix.size()) : what};
    }
    if (checked->size() != 1) return ParseError{0, "it names nothing"};
    return entry;
}

} // namespace shifter::frontend
