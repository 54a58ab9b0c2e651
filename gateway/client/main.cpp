// The real surroundings of shifterimg: the site's configuration, libcurl, munged, this terminal and this account.
#include "auth/accounts.hpp"
#include "base/installed_paths.hpp"
#include "base/log.hpp"
#include "client/accounts.hpp"
#include "client/shifterimg.hpp"
#include "client/terminal.hpp"

#include <array>
#include <iostream>

#include <pwd.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace {

std::string home_of_account() {
    passwd entry{};
    passwd * found = nullptr;
    std::array<char, 16384> buffer{};
    if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
    return found->pw_dir;
}

std::string machine_of_kernel() {
    ::utsname names{};
    return ::uname(&names) == 0 ? static_cast<const char *>(names.machine) : "";
}

} // namespace

int main(int argc, char ** argv) {
    using namespace shifter;
    log::set_program("shifterimg");
    std::ios::sync_with_stdio(false);
    try {
        const auto transport = client::curl_transport(client::was_interrupted);
        client::Surroundings around{
            .site = [] { return load_site_config_as_user(installed::site_config); },
            .transport = *transport,
            .make_credential =
                [](const auth::AuthorizedLocations & locations) { return auth::make_credential(locations); },
            .seal = [](std::string_view text) { return auth::seal(text); },
            .unseal = [](std::string_view text) { return auth::unseal(text, ::getuid()); },
            .home = home_of_account(),
            .ask = [](const std::string & prompt, bool secret) { return client::ask_person(prompt, secret, std::cin); },
            .now = [] { return std::chrono::system_clock::now(); },
            .sleep = client::sleep_unless_interrupted,
            .io = {.in = std::cin,
                   .out = std::cout,
                   .err = std::cerr,
                   .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
                   .columns = client::terminal_columns(),
                   .rows = client::terminal_rows()},
            .watch_interrupts = client::watch_interrupts,
            .interrupted = client::was_interrupted,
            .machine = machine_of_kernel(),
            .user_name = client::user_name};
        const int status = client::shifterimg_main({argv, static_cast<std::size_t>(argc)}, around);
        if (client::was_interrupted()) client::end_by_interrupt();
        return status;
    } catch (const std::exception & error) {
        std::cerr << "shifterimg: " << error.what() << '\n';
        return static_cast<int>(ExitStatus::failed);
    }
}
