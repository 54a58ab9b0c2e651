#include "pull/login_box.hpp"

#include "auth/credential.hpp"
#include "base/log.hpp"
#include "pull/credentials.hpp"

#include <string.h> // explicit_bzero
#include <unistd.h>

namespace shifter::pull {

namespace {

/** A socket is not asked for where requests need none (Authentication: mock). */
const std::string * socket_of(const GatewaySettings & settings, const std::string & system) {
    const auto found = settings.systems.find(system);
    return found == settings.systems.end() ? nullptr : &found->second.munge_socket;
}

void wipe(std::string & text) noexcept { ::explicit_bzero(text.data(), text.size()); }

} // namespace

std::string seal_login(const GatewaySettings & settings, const catalog::ImageKey & key,
                       const registry::Credentials & login) {
    const std::string * socket = socket_of(settings, key.system);
    if (socket == nullptr) return {};
    std::string text = login.user + ":" + std::string{login.password.reveal()};
    std::string sealed;
    try {
        sealed = auth::seal(text, *socket);
    } catch (const Error & error) {
        log::warning(std::string{"a login stays in this process, and other gateways cannot use it: "} + error.what());
    }
    wipe(text);
    return sealed;
}

std::optional<registry::Credentials> unseal_login(const GatewaySettings & settings, const catalog::ImageKey & key,
                                                  const std::optional<std::string> & sealed) {
    const std::string * socket = socket_of(settings, key.system);
    if (socket == nullptr || !sealed) return std::nullopt;
    auto text = auth::unseal(*sealed, ::geteuid(), *socket);
    if (!text) return std::nullopt;
    auto login = split_login(*text);
    wipe(*text);
    return login;
}

} // namespace shifter::pull
