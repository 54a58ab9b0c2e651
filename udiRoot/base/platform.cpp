#include "base/platform.hpp"

#include "base/text.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <array>

namespace shifter {
namespace {

/** What `uname -m` says, and GOARCH's words for it. */
struct MachineName {
    std::string_view machine;
    std::string_view architecture;
    std::string_view variant;
};
constexpr std::array machine_names = {
    MachineName{"x86_64", "amd64", ""},
    MachineName{"x86-64", "amd64", ""},
    MachineName{"aarch64", "arm64", "v8"},
    MachineName{"armv7l", "arm", "v7"},
    MachineName{"armv8l", "arm", "v7"},
    MachineName{"armv6l", "arm", "v6"},
    MachineName{"i386", "386", ""},
    MachineName{"i486", "386", ""},
    MachineName{"i586", "386", ""},
    MachineName{"i686", "386", ""},
    MachineName{"loongarch64", "loong64", ""},
};

bool is_name(std::string_view text) {
    constexpr std::size_t max_length = 64;
    return !text.empty() && text.size() <= max_length && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    });
}

void translate_machine(Platform & platform) {
    for (const MachineName & name : machine_names) {
        if (platform.architecture != name.machine) continue;
        platform.architecture = name.architecture;
        if (platform.variant.empty()) platform.variant = name.variant;
        return;
    }
}

/** Docker's defaults: who says arm64 means v8, who says arm means v7 (containerd, platforms.Normalize). */
std::string effective_variant(const Platform & platform) {
    if (!platform.variant.empty()) return platform.variant;
    if (platform.architecture == "arm64") return "v8";
    if (platform.architecture == "arm") return "v7";
    return {};
}

bool has_architecture_of(const Platform & one, const Platform & other) {
    return one.os == other.os && one.architecture == other.architecture;
}

} // namespace

Expected<Platform> Platform::parse(std::string_view text) {
    std::size_t offset = 0;
    const std::vector<std::string_view> parts = text::split(text, '/');
    if (parts.size() > 3) return ParseError{0, quoted(text) + " is not a platform such as linux/arm64/v8"};
    for (const std::string_view part : parts) {
        if (!is_name(part))
            return ParseError{offset, quoted(part) + " is no part of a platform such as linux/arm64/v8"};
        offset += part.size() + 1;
    }
    Platform platform;
    if (parts.size() == 1) {
        platform.architecture = parts[0];
    } else {
        platform.os = parts[0];
        platform.architecture = parts[1];
        if (parts.size() == 3) platform.variant = parts[2];
    }
    translate_machine(platform);
    return platform;
}

Platform Platform::of_this_machine() {
    ::utsname names{};
    if (::uname(&names) != 0) throw SysError{errno, "cannot ask the kernel for the machine's architecture"};
    Platform platform;
    platform.architecture = static_cast<const char *>(names.machine);
    translate_machine(platform);
    return platform;
}

std::string Platform::to_string() const {
    std::string text = os + "/" + architecture;
    if (!variant.empty()) text += "/" + variant;
    return text;
}

bool Platform::means(const Platform & other) const {
    return has_architecture_of(*this, other) && effective_variant(*this) == effective_variant(other);
}

std::optional<std::size_t> choose_platform(const std::vector<Platform> & offered, const Platform & wanted) {
    std::optional<std::size_t> another;
    for (std::size_t i = 0; i < offered.size(); ++i) {
        if (offered[i].means(wanted)) return i;
        if (!another && has_architecture_of(offered[i], wanted)) another = i;
    }
    return wanted.variant.empty() ? another : std::nullopt;
}

std::string names_of(const std::vector<Platform> & platforms) {
    std::vector<std::string> names;
    names.reserve(platforms.size());
    for (const Platform & each : platforms) names.push_back(each.to_string());
    return text::join(names, ", ");
}

} // namespace shifter
