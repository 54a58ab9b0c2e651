#include "pull/source.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace shifter::pull {

namespace {

constexpr std::string_view url_prefix = "docker://";
constexpr const char * docker_hub_url = "https://registry-1.docker.io";

/** "*", "*.example.org[:port]", or host[:port] as a whole. */
bool matches(std::string_view pattern, std::string_view host) {
    if (pattern == "*") return true;
    if (pattern.substr(0, 2) != "*.") return pattern == host;
    const std::string_view domain = pattern.substr(1);
    return host.size() > domain.size() && host.substr(host.size() - domain.size()) == domain;
}

bool matches_any(const std::vector<std::string> & patterns, const std::string & host) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string & each) { return matches(text::to_lower(each), host); });
}

/** Docker Hub answers to several names; the site may have configured it under any of them (contract 8.1). */
const registry::Location * find_location(const GatewaySettings & settings, const std::string & registry) {
    const auto exact = settings.locations.find(registry);
    if (exact != settings.locations.end()) return &exact->second;
    if (registry != "docker.io") return nullptr;
    for (const char * name : {"registry-1.docker.io", "index.docker.io"}) {
        if (const auto found = settings.locations.find(name); found != settings.locations.end()) return &found->second;
    }
    return nullptr;
}

std::string known_registries(const GatewaySettings & settings) {
    std::vector<std::string> names;
    for (const auto & [name, location] : settings.locations) names.push_back(name);
    names.insert(names.end(), settings.registries.allowed.begin(), settings.registries.allowed.end());
    return names.empty() ? settings.default_location : text::join(names, ", ");
}

} // namespace

std::string canonical_tag(ImageType type, const std::string & tag) {
    if (type != ImageType::docker) return tag;
    std::string canonical = tag.substr(0, url_prefix.size()) == url_prefix ? tag.substr(url_prefix.size()) : tag;
    const std::size_t slash = canonical.rfind('/');
    const bool has_selector =
        canonical.find_first_of(":@", slash == std::string::npos ? 0 : slash) != std::string::npos;
    if (!has_selector) canonical += ":latest";
    return canonical;
}

std::optional<registry::Location> location_named(const GatewaySettings & settings, const std::string & name) {
    if (const auto * location = find_location(settings, name)) return *location;
    const std::string host = text::to_lower(name);
    if (host != settings.default_location && !matches_any(settings.registries.allowed, host)) return std::nullopt;
    registry::Location location;
    location.name = host;
    location.url = (matches_any(settings.registries.insecure, host) ? "http://" : "https://") + host;
    if (host == "docker.io") location.url = docker_hub_url;
    return location;
}

Source resolve_source(const GatewaySettings & settings, const std::string & tag) {
    const auto is_location = [&](std::string_view name) { return settings.locations.count(std::string{name}) > 0; };
    auto reference =
        ImageReference::parse(tag, settings.default_location, is_location).value_or_throw("cannot pull " + quoted(tag));
    auto location = location_named(settings, reference.registry);
    if (!location) {
        throw Error{"cannot pull " + quoted(tag) + ": this site does not allow the registry " +
                    quoted(text::to_lower(reference.registry)) + "; it allows " + known_registries(settings)};
    }
    return {std::move(reference), *std::move(location)};
}

} // namespace shifter::pull
