// Registries: where they are, and what the gateway shows to them.
#include "service/config_keys.hpp"

#include "pull/credentials.hpp"
#include "service/trusted_files.hpp"

#include <unistd.h>

namespace shifter::service {
namespace {

using namespace readers;

Refusal read_remote_type(const Value & value, registry::Location & /*location*/) {
    std::string text;
    if (auto refusal = read_text(value, text)) return refusal;
    if (text != "dockerv2") return "must be dockerv2, not " + quoted(text);
    return std::nullopt;
}

bool is_registry_url(const std::string & url) { return url.rfind("https://", 0) == 0 || url.rfind("http://", 0) == 0; }

Refusal read_url(const Value & value, registry::Location & location) {
    if (auto refusal = read_text(value, location.url)) return refusal;
    if (!is_registry_url(location.url)) return "must begin with https:// or http://, not " + quoted(location.url);
    return std::nullopt;
}

Refusal read_mirrors(const Value & value, registry::Location & location) {
    if (auto refusal = read_texts(value, location.mirrors)) return refusal;
    for (const std::string & url : location.mirrors)
        if (!is_registry_url(url)) return "must begin with https:// or http://, not " + quoted(url);
    return std::nullopt;
}

Refusal read_ca_file(const Value & value, registry::Location & location) {
    if (auto refusal = read_text(value, location.ca_file)) return refusal;
    if (::access(location.ca_file.c_str(), R_OK) != 0)
        return "cannot read " + quoted(location.ca_file) + ": " + describe_errno(errno);
    return std::nullopt;
}

Refusal read_login_file(const Value & value, registry::Location & location) {
    std::string path;
    std::string text;
    if (auto refusal = read_secret_file(value, path, text)) return refusal;
    if (path.empty()) return std::nullopt;
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    auto login = pull::split_login(text);
    const bool is_login = !login.user.empty() && !login.password.empty() && text.find('\n') == std::string::npos;
    (void)registry::Secret::adopt(std::move(text)); // clears it
    if (!is_login) return "cannot use " + quoted(path) + ": it is not one line of user:password";
    location.site_login = std::move(login);
    return std::nullopt;
}

Refusal read_certificate(const Value & value, registry::Location & location) {
    return read_secret_path(value, location.certificate_file);
}
Refusal read_key(const Value & value, registry::Location & location) {
    return read_secret_path(value, location.key_file);
}

} // namespace

const std::vector<Key<registry::Location>> & location_keys() {
    using L = registry::Location;
    static const std::vector<Key<L>> keys = {
        {"url", "https:// or http:// URL", "https://name", "\"https://registry-1.docker.io\"",
         "Where the registry answers. http is spoken only where it is written here.", read_url},
        {"remotetype", "dockerv2", "dockerv2", "\"dockerv2\"", "The protocol.", read_remote_type},
        {"sslcacert", "path", "the system's", "", "Certificates (PEM) that the registry's own is checked against.",
         read_ca_file},
        {"sslcert", "absolute path", "none", "",
         "A client certificate (PEM) of the site's, shown to the registry's own address alone. What it lets the "
         "gateway "
         "read without a login is everybody's.",
         read_certificate},
        {"sslkey", "absolute path", "sslcert", "", "Its key (PEM), where that is in a file of its own.", read_key},
        {"authMethod", "token or basic", "token", "", "How the registry takes a user's login.",
         choice(path(&L::auth_method),
                std::vector<Word<registry::AuthMethod>>{{"token", registry::AuthMethod::token},
                                                        {"basic", registry::AuthMethod::basic}})},
        {"loginFile", "absolute path", "none", "",
         "A file with a login of the site's own, user:password in one line, shown for everybody's pulls: what it may "
         "read is everybody's. Never shown to a mirror.",
         read_login_file},
        {"mirrors", "list of URLs", "empty", "", "Asked first, in order, and never with a user's login.", read_mirrors},
        {"mirrorAccess", "registry or public", "registry", "",
         "Who may read what a mirror gives without a login. registry: whom the registry itself lets read it, which is "
         "asked for the manifest. public: everybody; for mirrors of public images whose registry cannot be reached.",
         choice(path(&L::mirrors_are_public), std::vector<Word<bool>>{{"registry", false}, {"public", true}})},
        {"tokenHosts", "list of hosts", "empty", "", "Further hosts that a login may be shown to for a token.",
         texts(path(&L::token_hosts))},
        {"proxy", "URL", "from the environment", "", "Proxy for this registry.", text(path(&L::proxy))},
        {"authentication", "ignored", "none", "", "The registry says how it authenticates.", {}},
    };
    return keys;
}

} // namespace shifter::service
