#include "oci/platform.hpp"

#include "base/text.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <vector>

namespace shifter::oci {
namespace {

/** What `uname -m` says, and GOARCH's words for it. */
struct MachineName {
    std::string_view machine;
    std::string_view architecture;
    std::string_view variant;
};
constexpr std::array machine_names = {
    MachineName{"x86_64", "amd64", ""},    MachineName{"x86-64", "amd64", ""},
    MachineName{"aarch64", "arm64", "v8"}, MachineName{"armv7l", "arm", "v7"},
    MachineName{"armv6l", "arm", "v6"},    MachineName{"i386", "386", ""},
    MachineName{"i686", "386", ""},        MachineName{"loongarch64", "loong64", ""},
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

} // namespace shifter::oci
