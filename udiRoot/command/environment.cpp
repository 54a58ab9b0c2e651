#include "command/environment.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace shifter::command {

void Environment::set(std::string_view name, std::string_view value) {
    const auto known =
        std::find_if(variables_.begin(), variables_.end(), [&](const Variable & v) { return v.name == name; });
    if (known != variables_.end())
        known->value = value;
    else
        variables_.push_back({std::string{name}, std::string{value}});
}

void Environment::set_entry(std::string_view entry) {
    const std::size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string_view::npos) return;
    set(entry.substr(0, equals), entry.substr(equals + 1));
}

void Environment::unset(std::string_view name) {
    variables_.erase(
        std::remove_if(variables_.begin(), variables_.end(), [&](const Variable & v) { return v.name == name; }),
        variables_.end());
}

const std::string * Environment::find(std::string_view name) const {
    const auto known =
        std::find_if(variables_.begin(), variables_.end(), [&](const Variable & v) { return v.name == name; });
    return known != variables_.end() ? &known->value : nullptr;
}

std::vector<std::string> Environment::entries() const {
    std::vector<std::string> result;
    result.reserve(variables_.size());
    for (const Variable & variable : variables_) result.push_back(variable.name + "=" + variable.value);
    return result;
}

bool is_unsafe_variable(std::string_view name) noexcept {
    // The contract's list (H1-5). The C library removes most of them before main(), where it does so at all.
    constexpr std::array<std::string_view, 3> prefixes = {"LD_", "MALLOC_", "RTLD_"};
    constexpr std::array<std::string_view, 12> names = {
        "GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES",   "HOSTALIASES", "LOCALDOMAIN", "LOCPATH",
        "NIS_PATH",   "NLSPATH",     "RESOLV_HOST_CONF", "RES_OPTIONS", "TMPDIR",      "TZDIR"};
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](std::string_view p) { return name.substr(0, p.size()) == p; }) ||
           std::find(names.begin(), names.end(), name) != names.end();
}

void apply(const EnvironmentEdit & edit, Environment & environment) {
    for (const auto & [name, value] : edit.set) environment.set(name, value);
    for (const auto & [name, value] : edit.append) {
        const std::string * const old = environment.find(name);
        environment.set(name, old == nullptr || old->empty() ? value : *old + ":" + value);
    }
    for (const auto & [name, value] : edit.prepend) {
        const std::string * const old = environment.find(name);
        environment.set(name, old == nullptr || old->empty() ? value : value + ":" + *old);
    }
    for (const std::string & name : edit.unset) environment.unset(name);
}

Expected<std::vector<std::string>> parse_environment_file(std::string_view text) {
    std::vector<std::string> entries;
    std::size_t number = 0;
    std::size_t offset = 0;
    for (const std::string_view line : text::split(text, '\n')) {
        ++number;
        const std::string_view entry = text::trim(line);
        const std::size_t equals = entry.find('=');
        if (!entry.empty() && entry.front() != '#') {
            if (equals == 0 || equals == std::string_view::npos || entry.find('\0') != std::string_view::npos)
                return ParseError{offset, "line " + std::to_string(number) + " is not NAME=VALUE: " + quoted(entry)};
            entries.emplace_back(entry);
        }
        offset += line.size() + 1;
    }
    return entries;
}

Environment compose_environment(const EnvironmentSources & sources) {
    Environment result;
    if (!sources.request.clear_environment) {
        for (const std::string & entry : sources.host) // of equal names the last one stays (H1-9)
            if (!is_unsafe_variable(std::string_view{entry}.substr(0, entry.find('=')))) result.set_entry(entry);
    }
    for (const std::string & entry : sources.image.env) result.set_entry(entry);
    for (const std::string & entry : sources.file) result.set_entry(entry);
    for (const std::string & entry : sources.request.environment) result.set_entry(entry);
    // After the image and the user, who could forge them otherwise (H1-7).
    if (!sources.request.image_request.empty()) result.set("SHIFTER_IMAGEREQUEST", sources.request.image_request);
    const auto * const id = std::get_if<ImageId>(&sources.request.image);
    result.set("SHIFTER_IMAGE", id != nullptr ? id->to_string() : std::get<LocalImage>(sources.request.image).path);
    for (const Module * module : sources.modules) apply(module->environment, result);
    apply(sources.site.environment, result);
    return result;
}

} // namespace shifter::command
