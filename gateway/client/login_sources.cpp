#include "client/login_sources.hpp"

#include "base/error.hpp"
#include "base/image_reference.hpp"
#include "base/io.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace shifter::client {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_bytes = 1U << 20U;

/** One name for each registry: without scheme and path, and one of Docker Hub's. */
std::string filed_as(std::string_view name) {
    if (const std::size_t scheme = name.find("://"); scheme != std::string_view::npos) name.remove_prefix(scheme + 3);
    std::string host = text::to_lower(name.substr(0, name.find('/')));
    if (host == "index.docker.io" || host == "registry-1.docker.io") host = "docker.io";
    return host;
}

/** RFC 4648; nothing for what is not wholly so. */
std::optional<std::string> base64_decoded(std::string_view text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    std::string decoded;
    unsigned bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const std::size_t digit = digits.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        bits = (bits << 6U | static_cast<unsigned>(digit)) & 0xfffU;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        decoded += static_cast<char>(bits >> count & 0xffU);
    }
    return decoded;
}

std::string text_at(const Json & json, const char * key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

FoundLogin login_of_entry(const Json & entry, const std::string & registry) {
    if (!text_at(entry, "identitytoken").empty())
        return {std::nullopt, "~/.docker/config.json holds an identity token for " + registry +
                                  ", which is no password; use shifterimg login " + registry};
    if (const std::string user = text_at(entry, "username"); !user.empty())
        return {user + ":" + text_at(entry, "password"), {}};
    const auto login = base64_decoded(text_at(entry, "auth"));
    if (!login || login->find(':') == std::string::npos || login->find('\0') != std::string::npos) return {};
    return {*login, {}};
}

/** A program that docker would run for the login. */
std::string helper_for(const Json & json, const std::string & registry) {
    const auto helpers = json.find("credHelpers");
    if (helpers != json.end() && helpers->is_object()) {
        for (const auto & [name, helper] : helpers->items())
            if (filed_as(name) == registry && helper.is_string()) return helper.get<std::string>();
    }
    return text_at(json, "credsStore");
}

std::optional<std::string> read_file(const std::string & path) {
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat facts {};
    if (!fd || ::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
    if (static_cast<std::uint64_t>(facts.st_size) > max_bytes) return std::nullopt;
    return io::read_all(fd.get(), max_bytes, shifter::quoted(path));
}

} // namespace

std::string registry_of(const std::string & tag) {
    const auto reference = ImageReference::parse(tag, "docker.io", [](std::string_view) { return false; });
    return reference ? filed_as(reference->registry) : std::string{};
}

FoundLogin login_in_docker_config(std::string_view text, const std::string & registry) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return {};
    bool has_entry = false;
    if (const auto entries = json.find("auths"); entries != json.end() && entries->is_object()) {
        for (const auto & [name, entry] : entries->items()) {
            if (filed_as(name) != registry || !entry.is_object()) continue;
            has_entry = true;
            if (FoundLogin found = login_of_entry(entry, registry); found.login || !found.obstacle.empty())
                return found;
        }
    }
    // Docker leaves an empty entry for each login that a store keeps.
    const std::string helper = helper_for(json, registry);
    const bool is_kept_there = !helper.empty() && (has_entry || json.contains("credHelpers"));
    if (!is_kept_there) return {};
    return {std::nullopt, "~/.docker/config.json leaves the login for " + registry + " to a credential helper (" +
                              helper + "), which is not run; use shifterimg login " + registry};
}

std::optional<std::string> login_in_netrc(std::string_view text, const std::string & registry) {
    // A macro reaches to the next empty line, and may hold anything.
    std::string without_macros;
    bool is_macro = false;
    for (const std::string_view line : text::split(text, '\n')) {
        if (is_macro && !text::trim(line).empty()) continue;
        is_macro = text::trim(line).substr(0, 6) == "macdef";
        if (!is_macro && text::trim(line).substr(0, 1) != "#") (without_macros += line) += '\n';
    }
    bool is_ours = false;
    std::string user;
    std::string password;
    const auto words = text::words(without_macros);
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (word == "default") {
            if (is_ours) break;
            continue;
        }
        if (i + 1 == words.size()) break;
        const std::string_view value = words[i + 1];
        if (word == "machine") {
            if (is_ours) break;
            is_ours = filed_as(value) == registry;
        } else if (word == "login" && is_ours) {
            user = value;
        } else if (word == "password" && is_ours) {
            password = value;
        }
        ++i;
    }
    if (user.empty() || password.empty()) return std::nullopt;
    return user + ":" + password;
}

FoundLogin find_login(const std::string & home, const std::string & registry) {
    if (home.empty() || registry.empty()) return {};
    FoundLogin found;
    if (const auto config = read_file(home + "/.docker/config.json")) found = login_in_docker_config(*config, registry);
    if (found.login) return found;
    if (const auto netrc = read_file(home + "/.netrc")) {
        if (auto login = login_in_netrc(*netrc, registry)) return {std::move(login), {}};
    }
    return found;
}

} // namespace shifter::client
