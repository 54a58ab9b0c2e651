#include "layers/pax.hpp"

#include "base/text.hpp"
#include "layers/bad_layer.hpp"

namespace shifter::layers {
namespace {

constexpr std::string_view star_xattr = "SCHILY.xattr.";
constexpr std::string_view libarchive_xattr = "LIBARCHIVE.xattr.";
constexpr std::string_view gnu_sparse = "GNU.sparse.";

[[noreturn]] void fail(std::string_view key) {
    throw BadLayer{"the extended header " + quoted(key) + " has a bad value"};
}

std::uint64_t unsigned_value(std::string_view key, std::string_view value) {
    const auto number = text::parse_unsigned<std::uint64_t>(value);
    if (!number || *number > INT64_MAX) fail(key);
    return *number;
}

/** "-12.5": seconds with an optional fraction, which is rounded down. */
std::int64_t time_value(std::string_view key, std::string_view value) {
    const bool negative = value.starts_with('-');
    if (negative) value.remove_prefix(1);
    const std::size_t point = value.find('.');
    const auto seconds = static_cast<std::int64_t>(unsigned_value(key, value.substr(0, point)));
    bool fraction = false;
    if (point != std::string_view::npos)
        for (const char c : value.substr(point + 1)) {
            if (c < '0' || c > '9') fail(key);
            fraction = fraction || c != '0';
        }
    return negative ? -seconds - (fraction ? 1 : 0) : seconds;
}

std::string name_value(std::string_view key, std::string_view value) {
    if (value.find('\0') != std::string_view::npos) fail(key);
    return std::string{value};
}

std::string percent_decoded(std::string_view key, std::string_view text) {
    const auto digit = [&](char c) -> unsigned {
        if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
        if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
        if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
        fail(key);
    };
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        if (text.size() - i < 3) fail(key);
        result += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
        i += 2;
    }
    return name_value(key, result);
}

std::string base64_decoded(std::string_view key, std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string result;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const std::size_t value = alphabet.find(c);
        if (value == std::string_view::npos) fail(key);
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) result += static_cast<char>((bits >> (count -= 8)) & 0xffU);
    }
    return result;
}

void parse_map(std::string_view key, std::string_view value, std::vector<Segment> & segments) {
    segments.clear();
    if (value.empty()) return;
    const auto parts = text::split(value, ',');
    if (parts.size() % 2 != 0) fail(key);
    for (std::size_t i = 0; i < parts.size(); i += 2)
        segments.push_back({unsigned_value(key, parts[i]), unsigned_value(key, parts[i + 1])});
}

void parse_sparse(std::string_view key, std::string_view value, PaxRecords::Sparse & sparse) {
    sparse.present = true;
    const std::string_view name = key.substr(gnu_sparse.size());
    if (name == "major") {
        if (value != "0" && value != "1") fail(key);
        sparse.map_in_body = value == "1";
    } else if (name == "minor") {
        if (value != "0" && value != "1") fail(key);
    } else if (name == "name") {
        sparse.name = name_value(key, value);
    } else if (name == "realsize" || name == "size") {
        sparse.real_size = unsigned_value(key, value);
    } else if (name == "offset") {
        if (sparse.open_offset) fail(key);
        sparse.open_offset = unsigned_value(key, value);
    } else if (name == "numbytes") {
        if (!sparse.open_offset) fail(key);
        sparse.segments.push_back({*sparse.open_offset, unsigned_value(key, value)});
        sparse.open_offset.reset();
    } else if (name == "map") {
        parse_map(key, value, sparse.segments);
    } else if (name != "numblocks") {
        fail(key);
    }
}

template <class T, class Parse>
void set(std::optional<T> & target, std::string_view key, std::string_view value, Parse parse) {
    if (value.empty())
        target.reset();
    else
        target = parse(key, value);
}

void apply(std::string_view key, std::string_view value, PaxRecords & records) {
    if (key == "path")
        set(records.path, key, value, name_value);
    else if (key == "linkpath")
        set(records.link, key, value, name_value);
    else if (key == "size")
        set(records.size, key, value, unsigned_value);
    else if (key == "uid")
        set(records.uid, key, value, unsigned_value);
    else if (key == "gid")
        set(records.gid, key, value, unsigned_value);
    else if (key == "mtime")
        set(records.mtime, key, value, time_value);
    else if (key.starts_with(star_xattr))
        records.xattrs[name_value(key, key.substr(star_xattr.size()))] = value;
    else if (key.starts_with(libarchive_xattr))
        records.xattrs[percent_decoded(key, key.substr(libarchive_xattr.size()))] = base64_decoded(key, value);
    else if (key.starts_with(gnu_sparse))
        parse_sparse(key, value, records.sparse);
}

} // namespace

void parse_pax(std::string_view body, PaxRecords & records) {
    while (!body.empty()) {
        // "LENGTH KEY=VALUE\n", where LENGTH counts the whole record.
        const std::size_t space = body.find(' ');
        const auto length = text::parse_unsigned<std::size_t>(body.substr(0, space));
        if (space == std::string_view::npos || !length || *length > body.size() || *length < space + 3 ||
            body[*length - 1] != '\n')
            throw BadLayer{"an extended header is damaged"};
        const std::string_view record = body.substr(space + 1, *length - space - 2);
        const std::size_t equals = record.find('=');
        if (equals == std::string_view::npos || equals == 0) throw BadLayer{"an extended header is damaged"};
        apply(record.substr(0, equals), record.substr(equals + 1), records);
        body.remove_prefix(*length);
    }
}

} // namespace shifter::layers
