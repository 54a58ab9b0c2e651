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
    "  images [PATTERN]         the images that you may use; --long: with size, digest and owner\n"
    "  lookup TAG               the identifier of an image\n"
    "  inspect TAG              all that the gateway knows of an image, as JSON\n"
    "  history TAG              the layers of an image\n"
    "  tree [PATTERN]           which images share which layers; --dot: for graphviz\n"
    "  pull TAG...              bring images to this system, and wait for them\n"
    "  pullnb TAG               the same without waiting\n"
    "  queue                    the pulls on their way\n"
    "  login [LOCATION]         store a registry login;  logout [LOCATION] forgets it\n"
    "  expire TAG, autoexpire   remove images (admins)\n"
    "options, before the mode:\n"
    "  -u, --user LIST          readers of a private image: names or uids (pull)\n"
    "  -g, --group LIST         the same for groups\n"
    "  --username NAME          of a login; --password-stdin reads its password from stdin\n"
    "  --json                   answer in JSON, with an exit status for each cause\n"
    "  -v, --verbose            show the gateway's messages\n"
    "  -h, --help, --version\n"
    "See shifterimg(1).\n";
const char * const version_text = "shifterimg";

namespace {

enum class Takes { nothing, image, images, pattern, location };

struct ModeName {
    std::string_view name;
    Mode mode;
    Takes takes;
};
constexpr std::array modes = {
    ModeName{"images", Mode::images, Takes::pattern},         ModeName{"lookup", Mode::lookup, Takes::image},
    ModeName{"inspect", Mode::inspect, Takes::image},         ModeName{"pull", Mode::pull, Takes::images},
    ModeName{"history", Mode::history, Takes::image},         ModeName{"tree", Mode::tree, Takes::pattern},
    ModeName{"pullnb", Mode::pullnb, Takes::image},           ModeName{"login", Mode::login, Takes::location},
    ModeName{"logout", Mode::logout, Takes::location},        ModeName{"expire", Mode::expire, Takes::image},
    ModeName{"autoexpire", Mode::autoexpire, Takes::nothing}, ModeName{"queue", Mode::queue, Takes::nothing},
};

/** Options up to the first word that is none; `::optind` is left there. Returns false when something is to be printed.
 */
bool parse_dashes(std::span<char * const> args, Options & options) {
    enum : int { username = 256, password_stdin, json, long_lines, dot, version };
    static const std::array<option, 11> known = {{{"help", no_argument, nullptr, 'h'},
                                                  {"verbose", no_argument, nullptr, 'v'},
                                                  {"user", required_argument, nullptr, 'u'},
                                                  {"group", required_argument, nullptr, 'g'},
                                                  {"username", required_argument, nullptr, username},
                                                  {"password-stdin", no_argument, nullptr, password_stdin},
                                                  {"json", no_argument, nullptr, json},
                                                  {"long", no_argument, nullptr, long_lines},
                                                  {"dot", no_argument, nullptr, dot},
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
        case json:
            options.json = true;
            break;
        case long_lines:
            options.long_lines = true;
            break;
        case dot:
            options.dot = true;
            break;
        case ':':
            throw UsageError{std::string{args[static_cast<std::size_t>(::optind) - 1]} + " needs an argument"};
        default:
            throw UsageError{"no option " + quoted(args[static_cast<std::size_t>(::optind) - 1])};
        }
    }
    return true;
}

/** The option that `word` is, when it may stand after `mode`; null otherwise. */
bool * trailing_flag(std::string_view word, Mode mode, Options & options) {
    if (word == "--json") return &options.json;
    if (word == "--long" && mode == Mode::images) return &options.long_lines;
    if (word == "--dot" && mode == Mode::tree) return &options.dot;
    if (word == "--password-stdin" && mode == Mode::login) return &options.password_stdin;
    return nullptr;
}

std::size_t most_words(Takes takes) noexcept { return takes == Takes::nothing ? 0 : takes == Takes::images ? 1000 : 1; }

} // namespace

std::string_view name_of(Mode mode) noexcept {
    const auto found =
        std::find_if(modes.begin(), modes.end(), [&](const ModeName & each) { return each.mode == mode; });
    return found == modes.end() ? std::string_view{} : found->name;
}

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
    std::vector<std::string> words;
    for (; next < args.size(); ++next) {
        const std::string_view word = args[next];
        // "images --long" reads well, too: options that only some modes have may stand after the mode.
        if (bool * flag = trailing_flag(word, mode->mode, options); flag != nullptr)
            *flag = true;
        else if (words.size() < most_words(mode->takes) && (word.empty() || word.front() != '-'))
            words.emplace_back(word);
        else
            throw UsageError{quoted(word) + " is one word too many; options stand before the mode"};
    }
    if (options.long_lines && options.mode != Mode::images) throw UsageError{"--long is an option of images"};
    if (options.dot && options.mode != Mode::tree) throw UsageError{"--dot is an option of tree"};
    const bool needs_image = mode->takes == Takes::image || mode->takes == Takes::images;
    if (needs_image &&
        (words.empty() || std::any_of(words.begin(), words.end(), [](const auto & word) { return word.empty(); })))
        throw UsageError{std::string{name} + " needs an image: type and tag, for example docker:ubuntu:22.04"};
    if (!words.empty()) options.argument = words.front();
    options.arguments = std::move(words);
    return options;
}

} // namespace shifter::client
