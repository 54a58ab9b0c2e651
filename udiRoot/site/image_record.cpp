#include "site/image_record.hpp"

#include "base/text.hpp"
#include "site/string_list.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace shifter {
namespace {

constexpr std::size_t max_bytes = std::size_t{16} << 20U;

// Deployed runtimes report unknown keys on stdout at every start (H2-9), and skip lines that begin with '#'. What they
// cannot know is therefore written as such lines.
constexpr std::string_view platform_key = "#PLATFORM";
constexpr std::string_view escaped_env_key = "#ENV"; // one JSON string, for what does not fit in a line (H2-7)

struct FormatName {
    ImageFormat format;
    std::string_view name;
};
constexpr std::array format_names = {FormatName{ImageFormat::squashfs, "squashfs"}, FormatName{ImageFormat::xfs, "xfs"},
                                     FormatName{ImageFormat::ext4, "ext4"}, FormatName{ImageFormat::cramfs, "cramfs"},
                                     FormatName{ImageFormat::vfs, "VFS"}};

using Refusal = std::optional<std::string>;

Refusal read_format(ImageRecord & record, std::string_view value) {
    const auto found =
        std::find_if(format_names.begin(), format_names.end(), [&](const FormatName & f) { return f.name == value; });
    if (found == format_names.end()) return quoted(value) + " is not a known image format";
    record.format = found->format;
    return std::nullopt;
}

/** A list, or a plain string, which is a list of one. */
Refusal read_words(std::optional<std::vector<std::string>> & words, std::string_view value) {
    if (value.empty()) return std::nullopt;
    if (value.front() != '[') {
        words = {std::string{value}};
        return std::nullopt;
    }
    auto list = parse_string_list(value);
    if (!list) return list.error().what;
    words = std::move(*list);
    return std::nullopt;
}

template <class Id> Refusal read_ids(std::vector<Id> & ids, std::string_view value) {
    const auto list = parse_id_list(value);
    if (!list) return list.error().what;
    ids.assign(list->begin(), list->end());
    return std::nullopt;
}

bool has_name(std::string_view assignment) {
    const std::size_t equals = assignment.find('=');
    return equals != std::string_view::npos && equals > 0;
}

/** An assignment without a name can be set nowhere, and gives nothing. */
Refusal read_env(ImageRecord & record, std::string_view value) {
    if (has_name(value)) record.env.emplace_back(value);
    return std::nullopt;
}

Refusal read_escaped_env(ImageRecord & record, std::string_view value) {
    const auto text = parse_quoted_string(value);
    if (!text) return text.error().what;
    return read_env(record, *text);
}

struct Key {
    std::string_view name;
    bool repeats;
    Refusal (*read)(ImageRecord &, std::string_view value);
};

const std::array keys = {
    Key{"FORMAT", false, read_format},
    Key{"ENTRY", false, [](ImageRecord & r, std::string_view value) { return read_words(r.entrypoint, value); }},
    Key{"CMD", false, [](ImageRecord & r, std::string_view value) { return read_words(r.cmd, value); }},
    Key{"WORKDIR", false,
        [](ImageRecord & r, std::string_view value) {
            if (!value.empty()) r.workdir = value;
            return Refusal{};
        }},
    Key{"USERACL", false, [](ImageRecord & r, std::string_view value) { return read_ids(r.acl.users, value); }},
    Key{"GROUPACL", false, [](ImageRecord & r, std::string_view value) { return read_ids(r.acl.groups, value); }},
    Key{"ENV", true, read_env},
    Key{escaped_env_key, true, read_escaped_env},
    Key{platform_key, false,
        [](ImageRecord & r, std::string_view value) {
            r.platform = value;
            return Refusal{};
        }},
};

/** What can stand after "KEY: " and comes back the same, also from runtimes that join lines at a backslash (H2-7). */
bool fits_in_a_line(std::string_view value) {
    return value.find_first_of(std::string_view{"\0\n\r", 3}) == std::string_view::npos && text::trim(value) == value &&
           (value.empty() || value.back() != '\\');
}

ParseError unwritable(std::string_view what, std::string_view value) {
    return {0, std::string{what} + " " + quoted(value) + " cannot be written into a record"};
}

} // namespace

std::string_view to_string(ImageFormat format) noexcept {
    for (const FormatName & entry : format_names)
        if (entry.format == format) return entry.name;
    return "squashfs";
}

Expected<ImageRecord> parse_image_record(std::string_view text) {
    if (text.size() > max_bytes) return ParseError{max_bytes, "the image record has more than 16 MiB"};
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        return ParseError{nul, "the image record holds a NUL"};
    ImageRecord record;
    std::array<bool, keys.size()> seen{};
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view line = text.substr(begin, end - begin);
        const auto refuse = [&](const std::string & what) {
            return ParseError{begin, "line " + std::to_string(number) + " of the image record: " + what};
        };
        ++number;
        const std::size_t colon = line.find(':');
        const std::string_view name = text::trim(line.substr(0, colon));
        if (colon == std::string_view::npos) {
            // Might be the rest of an access list: nothing that is not understood may pass for "public" (I34).
            if (!name.empty() && name.front() != '#') return refuse("it has no colon");
        } else if (const auto key =
                       std::find_if(keys.begin(), keys.end(), [&](const Key & k) { return k.name == name; });
                   key != keys.end()) {
            bool & was_seen = seen[static_cast<std::size_t>(key - keys.begin())];
            if (was_seen && !key->repeats) return refuse(std::string{name} + " is there twice");
            was_seen = true;
            if (const auto why = key->read(record, text::trim(line.substr(colon + 1))))
                return refuse(std::string{name} + ": " + *why);
        } else if (text::to_lower(name).find("acl") != std::string::npos && name.front() != '#') {
            return refuse(quoted(name) + " is not a known access list");
        }
        begin = end + 1;
    }
    if (!seen[0]) return ParseError{0, "the image record has no FORMAT"};
    return record;
}

Expected<std::string> format_image_record(const ImageRecord & record) {
    std::string text;
    const auto line = [&](std::string_view key, std::string_view value) {
        ((text += key) += ": ").append(value) += '\n';
    };
    const auto has_nul = [](const std::string & word) { return word.find('\0') != std::string::npos; };
    line("FORMAT", to_string(record.format));
    for (const auto & [key, words] : {std::pair{"ENTRY", &record.entrypoint}, std::pair{"CMD", &record.cmd}}) {
        if (!*words) continue;
        const auto bad = std::find_if((*words)->begin(), (*words)->end(), has_nul);
        if (bad != (*words)->end()) return unwritable(key, *bad);
        line(key, format_string_list(**words));
    }
    if (record.workdir && !record.workdir->empty()) {
        if (!fits_in_a_line(*record.workdir)) return unwritable("the working directory", *record.workdir);
        line("WORKDIR", *record.workdir);
    }
    for (const auto & [key, ids] :
         {std::pair{"USERACL", &record.acl.users}, std::pair{"GROUPACL", &record.acl.groups}}) {
        if (ids->empty()) continue;
        const std::string list = format_id_list(*ids);
        if (!parse_id_list(list)) return unwritable("the access list", list);
        line(key, list);
    }
    for (const std::string & assignment : record.env) {
        if (!has_name(assignment) || has_nul(assignment))
            return unwritable("the image's environment variable", assignment);
        if (fits_in_a_line(assignment)) {
            line("ENV", assignment);
        } else {
            line(escaped_env_key, format_quoted_string(assignment));
        }
    }
    if (!record.platform.empty()) {
        if (!fits_in_a_line(record.platform)) return unwritable("the platform", record.platform);
        line(platform_key, record.platform);
    }
    if (text.size() > max_bytes)
        return ParseError{max_bytes, "the image's entry point, command and environment have more than 16 MiB"};
    return text;
}

} // namespace shifter
