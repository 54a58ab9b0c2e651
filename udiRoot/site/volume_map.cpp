#include "site/volume_map.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace shifter {
namespace {

constexpr std::size_t max_entries = 1000;

/** A refusal inside an entry, or nothing. */
using Refusal = std::optional<std::string>;

Expected<ContainerPath> parse_path(std::string_view text) {
    constexpr std::string_view marks = "_.+-/";
    const auto is_kept = [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               marks.find(c) != std::string_view::npos;
    };
    const auto bad = std::find_if_not(text.begin(), text.end(), is_kept);
    if (bad != text.end())
        return ParseError{0, "the character " + quoted(std::string_view{&*bad, 1}) +
                                 " cannot stand in a path of a volume"};
    if (text.find("..") != std::string_view::npos) return ParseError{0, "the path " + quoted(text) + " holds \"..\""};
    return ContainerPath::parse(text);
}

std::optional<std::uint64_t> parse_positive_size(std::string_view text) {
    const auto size = text::parse_size(text);
    return size && *size > 0 ? size : std::nullopt;
}

/** size=…[,fs=xfs][,bs=…][,method=loop]; fstype is fs as the signature spells it. */
Refusal parse_cache(std::string_view text, PerNodeCache & cache) {
    std::vector<std::string> seen;
    for (const std::string_view pair : text::split(text, ',')) {
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos) return "perNodeCache needs name=value, not " + quoted(pair);
        std::string key = text::to_lower(pair.substr(0, equals));
        if (key == "fstype") key = "fs";
        const std::string_view value = pair.substr(equals + 1);
        if (std::find(seen.begin(), seen.end(), key) != seen.end()) return "perNodeCache has " + key + " twice";
        seen.push_back(key);
        if (key == "size" || key == "bs") {
            const auto size = parse_positive_size(value);
            if (!size) return "perNodeCache: " + quoted(value) + " is not a size above 0; write for example 100G";
            (key == "size" ? cache.size_bytes : cache.block_bytes) = *size;
        } else if (key == "fs") {
            if (value != "xfs") return "perNodeCache: the file system can only be xfs, not " + quoted(value);
        } else if (key == "method") {
            if (value != "loop") return "perNodeCache: the method can only be loop, not " + quoted(value);
        } else {
            return "perNodeCache has no setting " + quoted(key);
        }
    }
    if (cache.size_bytes == 0) return "perNodeCache needs a size, as in perNodeCache=size=100G";
    return std::nullopt;
}

Refusal set_once(bool & flag, std::string_view name) {
    if (flag) return "the flag " + std::string{name} + " is there twice";
    flag = true;
    return std::nullopt;
}

Refusal set_propagation(Volume & volume, Propagation propagation, std::string_view name) {
    if (volume.propagation == propagation) return "the flag " + std::string{name} + " is there twice";
    if (volume.propagation != Propagation::site_default) return "slave and private exclude each other";
    volume.propagation = propagation;
    return std::nullopt;
}

Refusal apply_flag(std::string_view text, VolumeOwner owner, Volume & volume) {
    const std::size_t equals = text.find('=');
    const std::string name = text::to_lower(text.substr(0, equals));
    const bool has_value = equals != std::string_view::npos;
    if (name == "pernodecache") {
        if (volume.tmpfs_bytes) return "a tmpfs cannot be a perNodeCache, too";
        if (volume.cache) return "the flag perNodeCache is there twice";
        volume.cache.emplace();
        return parse_cache(has_value ? text.substr(equals + 1) : std::string_view{}, *volume.cache);
    }
    if (name == "size" && volume.tmpfs_bytes) {
        if (*volume.tmpfs_bytes != 0) return "the flag size is there twice";
        const auto size = parse_positive_size(has_value ? text.substr(equals + 1) : std::string_view{});
        if (!size) return quoted(text) + " is not a size above 0; write for example size=1G";
        volume.tmpfs_bytes = *size;
        return std::nullopt;
    }
    constexpr std::array<std::string_view, 4> plain = {"ro", "rec", "slave", "private"};
    if (std::find(plain.begin(), plain.end(), name) == plain.end())
        return "there is no flag " + quoted(text) + "; flags are ro" +
               (owner == VolumeOwner::site ? ", rec, slave, private" : "") + " and perNodeCache";
    if (has_value) return "the flag " + name + " takes no value";
    if (name == "ro") return set_once(volume.read_only, name);
    if (owner == VolumeOwner::user)
        return "the flag " + name + " is for the site's own volumes; users have ro and perNodeCache";
    if (name == "rec") return set_once(volume.recursive, name);
    return set_propagation(volume, name == "slave" ? Propagation::slave : Propagation::private_, name);
}

Expected<Volume> parse_entry(std::string_view entry, VolumeOwner owner) {
    if (entry.size() > 1 && entry.front() == '"' && entry.back() == '"')
        entry = text::trim(entry.substr(1, entry.size() - 2));
    const std::vector<std::string_view> parts = text::split(entry, ':');
    if (parts.size() < 2 && owner == VolumeOwner::user)
        return ParseError{0, "it does not say where to mount it; write from:to"};
    const bool in_memory = owner == VolumeOwner::user && parts[0] == "tmpfs";
    const auto from = parse_path(in_memory ? "/" : parts[0]);
    if (!from) return from.error();
    const auto to = parse_path(parts.size() > 1 ? parts[1] : parts[0]);
    if (!to) return to.error();
    Volume volume{*from, *to};
    if (in_memory) volume.tmpfs_bytes = 0;
    for (std::size_t i = 2; i < parts.size(); ++i)
        if (const auto why = apply_flag(parts[i], owner, volume)) return ParseError{0, *why};
    if (const auto why = refuse_destination(*to, owner)) return ParseError{0, *why};
    return volume;
}

std::string signature_of(const Volume & volume) {
    std::string text = name_of(volume);
    if (volume.read_only) text += ":ro";
    if (volume.tmpfs_bytes.value_or(0) != 0) text += ":size=" + std::to_string(*volume.tmpfs_bytes);
    if (volume.recursive) text += ":rec";
    if (volume.cache)
        text += ":perNodeCache=size=" + std::to_string(volume.cache->size_bytes) +
                ",bs=" + std::to_string(volume.cache->block_bytes) + ",method=loop,fstype=" + volume.cache->file_system;
    if (volume.propagation == Propagation::slave) text += ":slave";
    if (volume.propagation == Propagation::private_) text += ":private";
    return text;
}

bool is_below(const ContainerPath & path, std::string_view top) {
    const std::string & text = path.to_string();
    return text.compare(0, top.size(), top) == 0 && text.size() > top.size() && text[top.size()] == '/';
}

} // namespace

Expected<ContainerPath> ContainerPath::parse(std::string_view text) {
    constexpr std::size_t max_path = 4095;
    constexpr std::size_t max_component = 255;
    if (text.empty() || text.front() != '/')
        return ParseError{0, "the path " + quoted(text) + " does not begin with /"};
    if (text.size() > max_path) return ParseError{max_path, "a path has at most 4095 bytes"};
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        return ParseError{nul, "a path holds a NUL"};
    std::string normal;
    std::size_t offset = 0;
    for (const std::string_view part : text::split(text, '/')) {
        if (part == "..") return ParseError{offset, "the path " + quoted(text) + " holds \"..\""};
        if (part.size() > max_component) return ParseError{offset, "a part of a path has at most 255 bytes"};
        if (!part.empty() && part != ".") (normal += '/') += part;
        offset += part.size() + 1;
    }
    return ContainerPath{normal.empty() ? "/" : normal};
}

std::vector<std::string_view> ContainerPath::components() const {
    if (text_ == "/") return {};
    return text::split(std::string_view{text_}.substr(1), '/');
}

bool ContainerPath::is_at_or_below(const ContainerPath & other) const noexcept {
    return other.text_ == "/" || text_ == other.text_ || is_below(*this, other.text_);
}

Expected<std::vector<Volume>> parse_volume_map(std::string_view text, VolumeOwner owner) {
    std::vector<Volume> volumes;
    std::size_t offset = 0;
    for (const std::string_view piece : text::split(text, ';')) {
        const std::string_view entry = text::trim(piece);
        const auto refuse = [&](const std::string & what) {
            return ParseError{offset, "volume " + quoted(entry) + ": " + what};
        };
        if (!entry.empty()) {
            if (volumes.size() == max_entries) return refuse("there are more than 1000 volumes");
            auto volume = parse_entry(entry, owner);
            if (!volume) return refuse(volume.error().what);
            const auto same = [&](const Volume & other) { return other.to == volume->to; };
            if (owner == VolumeOwner::user && std::any_of(volumes.begin(), volumes.end(), same))
                return refuse("another volume is mounted on " + volume->to.to_string() + " already");
            volumes.push_back(std::move(*volume));
        }
        offset += piece.size() + 1;
    }
    return volumes;
}

std::optional<std::string> refuse_destination(const ContainerPath & to, VolumeOwner owner) {
    constexpr std::array<std::string_view, 7> site_exact = {
        "/", "/opt", "/etc", "/var", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"};
    constexpr std::array<std::string_view, 2> user_exact = {"/", "/opt"};
    // /dev, /proc and /sys: promised by the documentation, and forgotten by the code of deployed Shifter (H4-5).
    constexpr std::array<std::string_view, 6> user_trees = {"/etc", "/var", "/opt/udiImage", "/dev", "/proc", "/sys"};
    const std::string & text = to.to_string();
    if (owner == VolumeOwner::site) {
        if (std::find(site_exact.begin(), site_exact.end(), text) == site_exact.end()) return std::nullopt;
        return text + " is made at each launch; choose a directory below it, or another one";
    }
    if (text == "/var/tmp") return std::nullopt;
    if (std::find(user_exact.begin(), user_exact.end(), text) != user_exact.end())
        return text + " cannot be replaced; choose another destination";
    const auto tree = std::find_if(user_trees.begin(), user_trees.end(),
                                   [&](std::string_view top) { return text == top || is_below(to, top); });
    if (tree != user_trees.end()) return std::string{*tree} + " is set by the site; choose another destination";
    return std::nullopt;
}

std::string name_of(const Volume & volume) {
    return (volume.tmpfs_bytes ? "tmpfs" : volume.from.to_string()) + ":" + volume.to.to_string();
}

std::string volume_signature(const std::vector<Volume> & volumes) {
    std::vector<std::string> entries;
    entries.reserve(volumes.size());
    for (const Volume & volume : volumes) entries.push_back(signature_of(volume));
    std::sort(entries.begin(), entries.end());
    return text::join(entries, ";");
}

} // namespace shifter
