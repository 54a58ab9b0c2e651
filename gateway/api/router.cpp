#include "api/router.hpp"

namespace shifter::api {
namespace {

/** Takes the text before the next slash, and that slash. */
std::string_view take_component(std::string_view & path) {
    const std::string_view component = path.substr(0, path.find('/'));
    path.remove_prefix(component.size() < path.size() ? component.size() + 1 : path.size());
    return component;
}

} // namespace

std::optional<Expected<Parameters>> match_path(std::string_view pattern, std::string_view target) {
    std::string_view path = target.substr(0, target.find('?'));
    if (path.empty() || path.front() != '/') return std::nullopt;
    path.remove_prefix(1);
    pattern.remove_prefix(1);
    if (!path.empty() && path.back() == '/') path.remove_suffix(1);

    const bool ends_in_slash = !path.empty() && path.back() == '/'; // still: the last component is empty

    bool took_rest = false;
    std::vector<std::pair<std::string_view, std::string_view>> encoded;
    while (!pattern.empty()) {
        if (path.empty()) return std::nullopt;
        const std::string_view expected = take_component(pattern);
        if (expected.front() != '{') {
            if (take_component(path) != expected) return std::nullopt;
            continue;
        }
        constexpr std::string_view rest = "...}";
        const bool takes_rest = took_rest =
            expected.size() > rest.size() && expected.substr(expected.size() - rest.size()) == rest;
        const std::string_view name = expected.substr(1, expected.size() - (takes_rest ? rest.size() : 1) - 1);
        const std::string_view value = takes_rest ? std::exchange(path, {}) : take_component(path);
        if (value.empty()) return std::nullopt;
        encoded.emplace_back(name, value);
    }
    if (!path.empty() || (ends_in_slash && !took_rest)) return std::nullopt;

    Parameters parameters;
    for (const auto & [name, value] : encoded) {
        auto decoded = percent_decode(value);
        if (!decoded)
            return Expected<Parameters>{
                ParseError{decoded.error().offset, std::string{name} + ": " + decoded.error().what}};
        parameters.emplace(name, *std::move(decoded));
    }
    return Expected<Parameters>{std::move(parameters)};
}

} // namespace shifter::api
