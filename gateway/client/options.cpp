#include "client/options.hpp"

#include "base/installed_paths.hpp"
#include "client/accounts.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <getopt.h>

namespace shifter::client {

const char * const usage_text =
    "usage: shifterimg [options] <mode> [[type:]tag | location]\n"
    "  images                   the images that you may use\n"
    "  lookup TAG               the identifier of an image\n"
    "  inspect TAG              all that the gateway knows of an image, as JSON\n"
    "  pull TAG                 bring an image to this system, and wait for it\n"
    "  pullnb TAG               the same without waiting\n"
    "  queue                    the pulls on their way\n"
    "  login [LOCATION]         store a registry login;  logout [LOCATION] forgets it\n"
    "  expire TAG, autoexpire   remove images (admins)\n"
    "options, before the mode:\n"
    "  -u, --user LIST          readers of a private image: names or uids (pull)\n"
    "  -g, --group LIST         the same for groups\n"
    "  --username NAME          of a login; --password-stdin reads its password from stdin\n"
    "  -v, --verbose            show the gateway's messages\n"
    "  -h, --help, --version\n"
    "See shifterimg(1).\n";
const char * const version_text = "shifterimg";

namespace {

enum class Takes { nothing, image, location };

struct ModeName {
    std::string_view name;
    Mode mode;
    Takes takes;
};
constexpr std::array modes = {
    ModeName{"images", Mode::images, Takes::nothing},         ModeName{"lookup", Mode::lookup, Takes::image},
    ModeName{"inspect", Mode::inspect, Takes::image},         ModeName{"pull", Mode::pull, Takes::image},
    ModeName{"pullnb", Mode::pullnb, Takes::image},           ModeName{"login", Mode::login, Takes::location},
    ModeName{"logout", Mode::logout, Takes::location},        ModeName{"expire", Mode::expire, Takes::image},
    ModeName{"autoexpire", Mode::autoexpire, Takes::nothing}, ModeName{"queue", Mode::queue, Takes::nothing},
};

/** Options up to the first word that is none; `::optind` is left there. Returns false when something is to be printed.
 */
bool parse_dashes(std::span<char * const> args, Options & options) {
    enum : int { username = 256, password_stdin, version };
    static const std::array<option, 8> known = {{{"help", no_argument, nullptr, 'h'},
                                                 {"verbose", no_argument, nullptr, 'v'},
                                                 {"user", required_argument, nullptr, 'u'},
                                                 {"group", required_argument, nullptr, 'g'},
                                                 {"username", required_argument, nullptr, username},
                                                 {"password-stdin", no_argument, nullptr, password_stdin},
                                                 {"version", no_argument, nullptr, version},
                                                 {nullptr, 0, nullptr, 0}}};
    const auto add = [](auto & list, const auto & more) { list.insert(list.end(), more.begin(), more.end()); };
    const int count = static_cast<int>(args.size());
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
    for (int word = 0; (word = ::getopt_long(count, args.data(), "+:hvu:g:", known.data(), nullptr)) != -1;) {
        switch (word) {
        case 'h':
            options.print = usage_text;
            return false;
        case version:
            options.print = version_text;
            return false;
        case 'v':
            options.verbose = true;
            break;
        case 'u':
            add(options.users, parse_users(::optarg));
            break;
        case 'g':
            add(options.groups, parse_groups(::optarg));
            break;
        case username:
            options.username = ::optarg;
            break;
        case password_stdin:
            options.password_stdin = true;
            break;
        case ':':
            throw UsageError{std::string{args[static_cast<std::size_t>(::optind) - 1]} + " needs an argument"};
        default:
            throw UsageError{"no option " + quoted(args[static_cast<std::size_t>(::optind) - 1])};
        }
    }
    return true;
}

} // namespace

Options parse_options(std::span<char * const> args) {
    Options options;
    ::optind = 0; // glibc: begin anew
    ::opterr = 0;
    if (!parse_dashes(args, options)) return options;
    std::size_t next = static_cast<std::size_t>(::optind);
    if (next >= args.size()) throw UsageError{"no mode is given"};
    const std::string_view name = args[next++];
    const auto mode =
        std::find_if(modes.begin(), modes.end(), [&](const ModeName & each) { return each.name == name; });
    if (mode == modes.end()) throw UsageError{quoted(name) + " is no mode"};
    options.mode = mode->mode;
    if (mode->takes == Takes::location) {
        // "login LOCATION --password-stdin" reads well, too.
        for (std::string_view word; next < args.size(); ++next) {
            word = args[next];
            if (word == "--password-stdin")
                options.password_stdin = true;
            else if (options.argument.empty() && !word.empty() && word.front() != '-')
                options.argument = word;
            else
                break;
        }
    } else if (mode->takes == Takes::image) {
        if (next >= args.size() || *args[next] == '\0')
            throw UsageError{std::string{name} + " needs an image: type and tag, for example docker:ubuntu:22.04"};
        options.argument = args[next++];
    }
    if (next < args.size())
        throw UsageError{quoted(args[next]) + " is one word too many; options stand before the mode"};
    return options;
}

} // namespace shifter::client
