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
    file.store(command.site.system, location, command.around.seal(user + ":" + password));
    command.around.io.err << "login of " << user << " for " << location << " is stored in " << file.path()
                          << "; the registry sees it at the next pull\n";
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
