#include "pull/login_check.hpp"

#include "base/error.hpp"
#include "pull/credentials.hpp"

namespace shifter::pull {

using namespace std::chrono_literals;

bool check_login(const GatewaySettings & settings, const std::string & location,
                 const auth::AuthorizedLocations & logins) {
    const auto found = location_named(settings, location == "default" ? settings.default_location : location);
    const auto login = logins.find(location);
    if (!found || login == logins.end())
        throw Error{"there is no login for " + shifter::quoted(location) + " to check"};
    registry::RegistryLimits limits = settings.registry_limits;
    limits.attempts = 1;
    limits.connect_timeout = std::min<std::chrono::seconds>(limits.connect_timeout, 5s);
    limits.document_timeout = std::min<std::chrono::seconds>(limits.document_timeout, 8s);
    return registry::RegistryClient{*found, split_login(login->second), limits, {}}.check_login();
}

} // namespace shifter::pull
