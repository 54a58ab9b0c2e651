/**
 * @file
 * Logins that other programs have stored, for when shifterimg has none: ~/.docker/config.json, then ~/.netrc.
 *
 * Only the login for the registry of the wanted image is read out, since what is sent to the gateway need not be more.
 */
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shifter::client {

struct FoundLogin {
    std::optional<std::string> login; ///< "user:password"
    /** Why a login that seems to be there is not used, as a sentence with what to do; empty: there is none. */
    std::string obstacle;
};

/** The registry that a reference names, as logins are filed: "docker.io" when it names none. */
[[nodiscard]] std::string registry_of(const std::string & tag);

/** Looks for `registry` below the home directory. Files that are absent or cannot be read give nothing. */
[[nodiscard]] FoundLogin find_login(const std::string & home, const std::string & registry);

/** Docker's config.json: "auths", with "auth" in base64 or with "username" and "password". Helpers are programs of
 * somebody's choosing, and are not run. */
[[nodiscard]] FoundLogin login_in_docker_config(std::string_view json, const std::string & registry);
/** netrc(5): "machine" entries; its "default" is for any host, and so for none here. */
[[nodiscard]] std::optional<std::string> login_in_netrc(std::string_view text, const std::string & registry);

} // namespace shifter::client
