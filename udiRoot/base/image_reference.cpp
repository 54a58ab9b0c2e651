#include "base/image_reference.hpp"

#include <algorithm>

namespace shifter {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_docker_hub(std::string_view host) { return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io"; }

/** host[:port] of a registry: letters, digits, '.', '-'; a name without dot or port is only "localhost". */
bool is_host(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    if (colon != std::string_view::npos) {
        const std::string_view port = text.substr(colon + 1);
        if (port.empty() || port.size() > 5 || !std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
        if (std::stoul(std::string{port}) > 65535 || std::stoul(std::string{port}) == 0) return false;
    }
    if (name.empty() || name.size() > 253 || name.front() == '.' || name.front() == '-' || name.back() == '.' || name.back() == '-') return false;
    if (name.find("..") != std::string_view::npos) return false;
    return std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '.' || c == '-'; });
}

bool looks_like_host(std::string_view component) {
    return component == "localhost" || component.find('.') != std::string_view::npos || component.find(':') != std::string_view::npos;
}

/** path-component := alpha-numeric (separator alpha-numeric)*; separator := '.' | '_' | '__' | '-'+ */
std::optional<std::string> refuse_component(std::string_view part) {
    if (part.empty()) return "a part of the repository name is empty";
    if (!is_lower_or_digit(part.front()) || !is_lower_or_digit(part.back()))
        return "a part of a repository name begins and ends with a lower-case letter or a digit";
    for (std::size_t i = 0; i < part.size(); ++i) {
        const char c = part[i];
        if (is_lower_or_digit(c) || c == '-') continue;
        if (c >= 'A' && c <= 'Z') return "repository names are lower-case";
        if (c != '.' && c != '_') return "the character " + quoted(std::string_view{&c, 1}) + " cannot stand in a repository name";
        const std::size_t run = part.find_first_not_of(c, i) - i;
        if (run > (c == '_' ? 2U : 1U) || !is_lower_or_digit(part[i + run])) return "the separators in " + quoted(part) + " do not follow the rules for repository names";
        i += run - 1;
    }
    return std::nullopt;
}

std::optional<std::string> refuse_tag(std::string_view tag) {
    if (tag.empty() || tag.size() > 128) return "a tag has 1 to 128 characters";
    if (!is_alnum(tag.front()) && tag.front() != '_') return "a tag begins with a letter, a digit or '_'";
    const auto bad = std::find_if_not(tag.begin(), tag.end(), [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
    if (bad != tag.end()) return "the character " + quoted(std::string_view{bad, 1}) + " cannot stand in a tag";
    return std::nullopt;
}

} // namespace

Expected<ImageReference> ImageReference::parse(std::string_view text, std::string_view default_registry, const IsLocation & is_location) {
    constexpr std::size_t max_length = 1024;
    constexpr std::size_t max_repository = 255;
    if (text.size() > max_length) return ParseError{max_length, "an image name has at most 1024 bytes"};
    constexpr std::string_view url = "docker://";
    std::size_t offset = 0;
    if (text.substr(0, url.size()) == url) offset = url.size();
    std::string_view rest = text.substr(offset);
    if (rest.empty()) return ParseError{offset, "no image is named; write for example docker:debian:12"};

    ImageReference result;
    if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
        const auto digest = Digest::parse(rest.substr(at + 1));
        if (!digest) return ParseError{offset + at + 1 + digest.error().offset, digest.error().what};
        result.digest = *digest;
        rest = rest.substr(0, at);
    }

    const std::size_t slash = rest.find('/');
    const std::string_view first = rest.substr(0, slash);
    result.registry = default_registry;
    if (slash != std::string_view::npos) {
        const bool known = is_location && is_location(first);
        if (known || looks_like_host(first)) {
            if (!is_host(first) && !known) return ParseError{offset, quoted(first) + " is not the name of a registry (host or host:port)"};
            result.registry = first;
            rest = rest.substr(slash + 1);
            offset += slash + 1;
        }
    }

    const std::size_t last_slash = rest.rfind('/');
    const std::size_t colon = rest.find(':', last_slash == std::string_view::npos ? 0 : last_slash);
    if (colon != std::string_view::npos) {
        const std::string_view tag = rest.substr(colon + 1);
        if (const auto why = refuse_tag(tag)) return ParseError{offset + colon + 1, *why};
        result.tag = tag;
        rest = rest.substr(0, colon);
    } else if (!result.digest) {
        result.tag = "latest";
    }

    if (rest.empty()) return ParseError{offset, "the repository name is empty"};
    if (is_docker_hub(result.registry) && !(is_location && is_location(result.registry))) result.registry = "docker.io";
    result.repository = rest;
    if (is_docker_hub(result.registry) && rest.find('/') == std::string_view::npos) result.repository = "library/" + result.repository;
    if (result.repository.size() > max_repository) return ParseError{offset, "a repository name has at most 255 bytes"};
    for (std::size_t begin = 0; begin <= rest.size();) {
        const std::size_t end = std::min(rest.find('/', begin), rest.size());
        if (const auto why = refuse_component(rest.substr(begin, end - begin))) return ParseError{offset + begin, *why};
        begin = end + 1;
    }
    return result;
}

std::string ImageReference::to_string() const {
    std::string text = registry + "/" + repository;
    if (!tag.empty()) text += ":" + tag;
    if (digest) text += "@" + digest->to_string();
    return text;
}

} // namespace shifter
