// login and logout: registry credentials, kept for the next pull. Contract 9.4.
#include "client/credential_file.hpp"
#include "client/modes.hpp"

#include <algorithm>
#include <istream>
#include <ostream>

namespace shifter::client {
namespace {

/** The location, as it will stand in a line of the file. */
std::string location_of(const Command & command) {
    std::string location = command.options.argument.empty() ? "default" : command.options.argument;
    const bool clean =
        std::all_of(location.begin(), location.end(), [](char c) { return c > ' ' && c != 0x7f && c != '='; });
    if (!clean)
        throw Error{"cannot use " + quoted(location) + " as a location: it holds a blank, a control character or '='"};
    return location;
}

CredentialFile file_of(const Command & command) {
    if (command.around.home.empty()) throw Error{"cannot find your home directory in the account database"};
    if (command.site.system.empty()) throw Error{"the site does not name this system (system in udiRoot.conf)"};
    return CredentialFile{command.around.home};
}

/** Lets the gateway show the login to the registry, since login nodes may not reach it. What is refused is not stored.
 */
std::string verified(const Command & command, const std::string & location, const std::string & login) {
    if (command.options.no_verify) return "it was not checked";
    try {
        GatewayClient client{command.site, command.around, command.options.platform};
        const std::string answer =
            client.post_path("login", "/" + percent_encode(location) + "/", {}, {{location, login}});
        const bool is_accepted = answer.find("\"accepted\"") != std::string::npos;
        return is_accepted ? "the registry has accepted it"
                           : "the registry lets everybody in, and did not say whether it is right";
    } catch (const NoGateway & refusal) {
        // An older gateway, or one that does not look, says nothing about the login.
        const bool knows_no_logins =
            refusal.status() == 501 ||
            (refusal.status() == 404 && refusal.body().find("no such route") != std::string::npos);
        if (knows_no_logins) return "the gateway cannot check it; the registry sees it at the next pull";
        const std::string advice = refusal.status() == 403 || refusal.status() == 400
                                       ? "; nothing was stored"
                                       : "; nothing was stored (--no-verify stores it unchecked)";
        throw Failure{refusal.cause(), "cannot log in: " + std::string{refusal.what()} + advice};
    }
}

} // namespace

int log_in(const Command & command) {
    const std::string location = location_of(command);
    CredentialFile file = file_of(command);
    const std::string user = command.options.username.empty() ? command.around.ask(location + " username: ", false)
                                                              : command.options.username;
    if (user.empty()) throw Error{"no user name was given; nothing was stored"};
    if (user.find(':') != std::string::npos) throw Error{"a user name cannot hold a colon; nothing was stored"};
    std::string password;
    if (command.options.password_stdin)
        std::getline(command.around.io.in, password);
    else
        password = command.around.ask(location + " password: ", true);
    if (!password.empty() && password.back() == '\r') password.pop_back();
    if (password.empty()) throw Error{"no password was given; nothing was stored"};
    const std::string verdict = verified(command, location, user + ":" + password);
    file.store(command.site.system, location, command.around.seal(user + ":" + password));
    command.around.io.err << "login of " << user << " for " << location << " is stored in " << file.path() << "; "
                          << verdict << '\n';
    return 0;
}

int log_out(const Command & command) {
    const std::string location = location_of(command);
    CredentialFile file = file_of(command);
    if (!file.remove(command.site.system, location)) throw Error{"no login for " + quoted(location) + " is stored"};
    command.around.io.err << "the login for " << location << " is forgotten\n";
    return 0;
}

} // namespace shifter::client
