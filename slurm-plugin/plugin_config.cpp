#include "slurm-plugin/plugin_config.hpp"

#include "base/installed_paths.hpp"
#include "base/text.hpp"

#include <array>
#include <optional>
#include <tuple>
#include <utility>

namespace shifter::slurm_plugin {
namespace {

constexpr std::string_view config_key = "shifter_config";

/** The arguments of deployed plugins whose work this release does not do. */
constexpr std::array later_switches = {std::string_view{"enable_ccm"}, std::string_view{"extern_cgroup"}};
constexpr std::array later_paths = {std::string_view{"extern_setup"}, std::string_view{"memory_cgroup"}};

template <class Names> bool holds(const Names & names, std::string_view name) {
    for (const std::string_view known : names)
        if (known == name) return true;
    return false;
}

/** A number, as Shifter reads it, or a common word. */
std::optional<bool> parse_switch(std::string_view value) {
    const std::string word = text::to_lower(value);
    if (const auto number = text::parse_unsigned<unsigned>(word)) return *number != 0;
    if (word == "yes" || word == "true" || word == "on") return true;
    if (word == "no" || word == "false" || word == "off") return false;
    return std::nullopt;
}

/** "1204" or "20000-20999"; sshd is the user's, so no port of root's. */
std::optional<std::pair<unsigned, unsigned>> parse_ports(std::string_view value) {
    constexpr unsigned first_of_users = 1024;
    constexpr unsigned last_of_all = 65535;
    const std::size_t dash = value.find('-');
    const auto first = text::parse_unsigned<unsigned>(value.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : text::parse_unsigned<unsigned>(value.substr(dash + 1));
    if (!first || !last || *first < first_of_users || *last < *first || *last > last_of_all) return std::nullopt;
    return std::pair{*first, *last};
}

/** What may stand in a line of sshd_config as a host: a name, an address of either kind, "%n" in it. */
bool is_address(std::string_view value) {
    return !value.empty() && value.size() <= 255 &&
           value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_-%") ==
               std::string_view::npos;
}

} // namespace

Expected<PluginConfig> parse_plugin_arguments(std::span<const char * const> arguments) {
    PluginConfig config;
    config.site_config = installed::site_config;
    std::size_t index = 0;
    for (const char * const argument : arguments) {
        const std::string_view whole{argument};
        const std::size_t equals = whole.find('=');
        const std::string_view value = equals == std::string_view::npos ? std::string_view{} : whole.substr(equals + 1);
        const std::string_view written = whole.substr(0, equals);
        const std::string key = text::to_lower(written);
        const auto refuse = [&](const std::string & why) { return ParseError{index, quoted(whole) + ": " + why}; };
        if (written == config_key) {
            if (value.empty() || value.front() != '/') return refuse("an absolute path is needed");
            config.site_config = value;
        } else if (key == "long_options" || key == "autorun" || key == "enable_sshd") {
            const auto on = equals == std::string_view::npos ? std::optional{true} : parse_switch(value);
            if (!on) return refuse("0 or 1 is needed");
            (key == "autorun" ? config.autorun : key == "enable_sshd" ? config.sshd : config.long_options) = *on;
        } else if (key == "sshd_port") {
            const auto ports = parse_ports(value);
            if (!ports) return refuse("a port from 1024 to 65535 is needed, or a range like 20000-20999");
            std::tie(config.first_sshd_port, config.last_sshd_port) = *ports;
        } else if (key == "sshd_address") {
            if (!is_address(value)) return refuse("a host's name or address is needed; %n in it is the node's name");
            config.sshd_address = value;
        } else if (key == "image_comment") {
            const std::string word = text::to_lower(value);
            if (word != "none" && word != "comment" && word != "admin_comment")
                return refuse("none, comment or admin_comment is needed");
            config.comment_field = word == "none" ? "" : word == "comment" ? "Comment" : "AdminComment";
        } else if (holds(later_switches, key)) {
            const auto on = parse_switch(value);
            if (!on) return refuse("0 or 1 is needed");
            if (*on) config.notes.push_back(quoted(whole) + " has no effect in this release");
        } else if (holds(later_paths, key)) {
            config.notes.push_back(quoted(whole) + " has no effect in this release");
        } else {
            config.notes.push_back(quoted(whole) + " is not an argument of this plugin, and is ignored");
        }
        ++index;
    }
    return config;
}

} // namespace shifter::slurm_plugin
