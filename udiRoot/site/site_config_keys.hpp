/**
 * @file
 * The one table of keys of udiRoot.conf (contract 3.3, 3.4). The parser, the sample configuration and the reference
 * page are made from it.
 */
#pragma once

#include "site/site_config.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shifter {

/** Reads a value into a configuration or a module; gives why it cannot. An empty value means: as if it were not set. */
template <class Target>
using Setter = std::function<std::optional<std::string>(Target & target, std::string_view value)>;

struct ConfigKey {
    std::string_view group; ///< heading on the pages
    std::string_view name;
    std::string_view type;     ///< in words
    std::string_view fallback; ///< default as it would be written; empty: none
    bool required = false;
    std::string_view sample; ///< value in the sample
    bool live = false;       ///< set in the sample, not only shown in a comment
    std::string_view meaning;
    Setter<SiteConfig> set;
};

struct ModuleKey {
    std::string_view name;
    std::string_view alias; ///< accepted, too (H3-7); may be empty
    std::string_view type;
    std::string_view meaning;
    Setter<Module> set;
};

/** A key of older configurations that has no effect. */
struct IgnoredKey {
    std::string_view name;
    std::string_view note; ///< the warning, as the rest of a sentence; empty: accepted silently
};

[[nodiscard]] const std::vector<ConfigKey> & site_config_keys();
[[nodiscard]] const std::vector<ModuleKey> & module_keys();
[[nodiscard]] const std::vector<IgnoredKey> & ignored_keys();

/** The man page udiRoot.conf(5), as mdoc(7). */
[[nodiscard]] std::string site_config_manual();

} // namespace shifter
