#include "base/error.hpp"
#include "base/text.hpp"
#include "site/site_config.hpp"

#include <algorithm>

namespace shifter {
namespace {

std::string known_modules(const SiteConfig & site) {
    std::string names;
    for (const auto & [name, module] : site.modules)
        if (module.enabled) (names += names.empty() ? "; the site has " : ", ") += name;
    return names.empty() ? "; the site has no modules" : names;
}

/** Either side may have declared it. */
bool exclude_each_other(const Module & a, const Module & b) {
    const auto names = [](const Module & one, const Module & other) {
        return std::find(one.conflicts.begin(), one.conflicts.end(), other.name) != one.conflicts.end();
    };
    return &a != &b && (names(a, b) || names(b, a));
}

} // namespace

Expected<std::vector<const Module *>> select_modules(const SiteConfig & site, std::string_view selection) {
    std::vector<const Module *> active;
    if (text::to_lower(text::trim(selection)) == "none") return active;
    std::size_t offset = 0;
    for (const std::string_view piece : text::split(selection, ',')) {
        const std::string name{text::trim(piece)};
        const auto found = site.modules.find(name);
        if (!name.empty()) {
            if (found == site.modules.end())
                return ParseError{offset, "there is no module " + quoted(name) + known_modules(site)};
            const Module & module = found->second;
            if (!module.enabled) return ParseError{offset, "the site has disabled the module " + quoted(name)};
            for (const Module * other : active)
                if (exclude_each_other(module, *other))
                    return ParseError{offset, "the modules " + quoted(other->name) + " and " + quoted(name) +
                                                  " exclude each other"};
            if (std::find(active.begin(), active.end(), &module) == active.end()) active.push_back(&module);
        }
        offset += piece.size() + 1;
    }
    return active;
}

} // namespace shifter
