#include "pull/credentials.hpp"

#include "oci/sha256.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <sys/random.h>

namespace shifter::pull {

namespace {

constexpr std::array<std::string_view, 3> docker_hub{"docker.io", "index.docker.io", "registry-1.docker.io"};

bool is_docker_hub(std::string_view name) {
    return std::find(docker_hub.begin(), docker_hub.end(), name) != docker_hub.end();
}

bool is_same_registry(const std::string & name, const std::string & other) {
    return name == other || (is_docker_hub(name) && is_docker_hub(other));
}

std::array<std::byte, 16> random_salt() {
    std::array<std::byte, 16> salt{};
    if (::getrandom(salt.data(), salt.size(), 0) != static_cast<ssize_t>(salt.size()))
        throw SysError{errno, "cannot get random bytes"};
    return salt;
}

} // namespace

registry::Credentials split_login(const std::string & text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) return {text, registry::Secret{}};
    return {text.substr(0, colon), registry::Secret{std::string_view{text}.substr(colon + 1)}};
}

std::optional<registry::Credentials> credentials_for(const Source & source, const auth::AuthorizedLocations & logins,
                                                     const std::string & default_location) {
    for (const auto & [name, login] : logins) {
        if (is_same_registry(name, source.location.name) || is_same_registry(name, source.reference.registry))
            return split_login(login);
    }
    const auto fallback = logins.find("default");
    if (fallback == logins.end() || !is_same_registry(source.location.name, default_location)) return std::nullopt;
    return split_login(fallback->second);
}

std::string credentials_mark(const std::optional<registry::Credentials> & credentials) {
    if (!credentials) return {};
    static const std::array<std::byte, 16> salt = random_salt();
    oci::Hasher hasher;
    hasher.update(salt);
    hasher.update(std::as_bytes(std::span{credentials->user}));
    hasher.update(std::array{std::byte{0}});
    hasher.update(std::as_bytes(std::span{credentials->password.reveal()}));
    return hasher.finish().hex().substr(0, 32);
}

} // namespace shifter::pull
