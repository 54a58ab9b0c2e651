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
    "  load FILE|- [TAG]        bring an image without a registry: an archive, or an OCI layout\n"
    "  import FILE|- [TAG]      bring a squashfs file, where the site lets you\n"
    "  share TAG, unshare TAG   let --user and --group use a private image of yours, or no more\n"
    "  chown OWNER TAG          make it somebody else's\n"
    "  rm TAG                   you need it no more; the image goes with the last who does\n"
    "  login [LOCATION]         store a registry login;  logout [LOCATION] forgets it\n"
    "  expire TAG, autoexpire   remove images;  pin TAG, unpin TAG: not this one (admins)\n"
    "options, before the mode:\n"
    "  -u, --user LIST          readers of a private image: names or uids (pull, load, import, share)\n"
    "  -g, --group LIST         the same for groups\n"
    "  --username NAME          of a login; --password-stdin reads its password from stdin;\n"
    "                           --no-verify stores it without asking the registry\n"
    "  --platform=PLATFORM      on a system of several: which, for example linux/arm64; in lists: all\n"
    "  --platforms              lookup: the identifiers on all platforms\n"
    "  --mine                   images: those that you have pulled or brought\n"
    "  --dry-run                rm, expire, autoexpire: only say what would go\n"
    "  --json                   answer in JSON, with an exit status for each cause\n"
    "  -v, --verbose            show the gateway's messages\n"
    "  -h, --help, --version\n"
    "See shifterimg(1).\n";
const char * const version_text = "shifterimg";

namespace {

enum class Takes { nothing, image, images, pattern, location, owner_and_image, file_and_tag };

struct ModeName {
    std::string_view name;
    Mode mode;
    Takes takes;
};
constexpr std::array modes = {
    ModeName{"images", Mode::images, Takes::pattern},
    ModeName{"lookup", Mode::lookup, Takes::image},
    ModeName{"inspect", Mode::inspect, Takes::image},
    ModeName{"pull", Mode::pull, Takes::images},
    ModeName{"history", Mode::history, Takes::image},
    ModeName{"tree", Mode::tree, Takes::pattern},
    ModeName{"pullnb", Mode::pullnb, Takes::image},
    ModeName{"login", Mode::login, Takes::location},
    ModeName{"logout", Mode::logout, Takes::location},
    ModeName{"expire", Mode::expire, Takes::image},
    ModeName{"autoexpire", Mode::autoexpire, Takes::nothing},
    ModeName{"queue", Mode::queue, Takes::nothing},
    ModeName{"share", Mode::share, Takes::image},
    ModeName{"unshare", Mode::unshare, Takes::image},
    ModeName{"chown", Mode::chown, Takes::owner_and_image},
    ModeName{"rm", Mode::rm, Takes::image},
    ModeName{"pin", Mode::pin, Takes::image},
    ModeName{"unpin", Mode::unpin, Takes::image},
    ModeName{"load", Mode::load, Takes::file_and_tag},
    ModeName{"import", Mode::import, Takes::file_and_tag},
};

/** Options up to the first word that is none; `::optind` is left there. Returns false when something is to be printed.
 */
bool parse_dashes(std::span<char * const> args, Options & options) {
    enum : int {
        username = 256,
        password_stdin,
        json,
        long_lines,
        dot,
        mine,
        dry_run,
        no_verify,
        platform,
        platforms,
        version
    };
    static const std::array<option, 16> known = {{{"help", no_argument, nullptr, 'h'},
                                                  {"verbose", no_argument, nullptr, 'v'},
                                                  {"user", required_argument, nullptr, 'u'},
                                                  {"group", required_argument, nullptr, 'g'},
                                                  {"username", required_argument, nullptr, username},
                                                  {"password-stdin", no_argument, nullptr, password_stdin},
                                                  {"json", no_argument, nullptr, json},
                                                  {"long", no_argument, nullptr, long_lines},
                                                  {"dot", no_argument, nullptr, dot},
                                                  {"mine", no_argument, nullptr, mine},
                                                  {"dry-run", no_argument, nullptr, dry_run},
                                                  {"no-verify", no_argument, nullptr, no_verify},
                                                  {"platform", required_argument, nullptr, platform},
                                                  {"platforms", no_argument, nullptr, platforms},
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
        case mine:
            options.mine = true;
            break;
        case dry_run:
            options.dry_run = true;
            break;
        case no_verify:
            options.no_verify = true;
            break;
        case platform:
            if (*::optarg == '\0') throw UsageError{"--platform needs an argument, such as linux/arm64"};
            options.platform = ::optarg;
            break;
        case platforms:
            options.all_platforms = true;
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
    if (word == "--platforms" && mode == Mode::lookup) return &options.all_platforms;
    if (word == "--long" && mode == Mode::images) return &options.long_lines;
    if (word == "--dot" && mode == Mode::tree) return &options.dot;
    if (word == "--mine" && mode == Mode::images) return &options.mine;
    if (word == "--dry-run" && (mode == Mode::rm || mode == Mode::expire || mode == Mode::autoexpire))
        return &options.dry_run;
    if (word == "--no-verify" && mode == Mode::login) return &options.no_verify;
    if (word == "--password-stdin" && mode == Mode::login) return &options.password_stdin;
    return nullptr;
}

std::size_t most_words(Takes takes) noexcept {
    if (takes == Takes::owner_and_image || takes == Takes::file_and_tag) return 2;
    return takes == Takes::nothing ? 0 : takes == Takes::images ? 1000 : 1;
}

/** "share TAG --user ann" reads well, too: takes the option at `next` and its list. */
bool take_readers(std::span<char * const> args, std::size_t & next, Mode mode, Options & options) {
    if (mode != Mode::share && mode != Mode::unshare && mode != Mode::load && mode != Mode::import) return false;
    const std::string_view word = args[next];
    const std::string_view name = word.substr(0, word.find('='));
    const bool is_user = name == "--user" || name == "-u";
    if (!is_user && name != "--group" && name != "-g") return false;
    if (name.size() == word.size() && next + 1 == args.size())
        throw UsageError{std::string{word} + " needs an argument"};
    const std::string_view list = name.size() == word.size() ? args[++next] : word.substr(name.size() + 1);
    const auto readers = is_user ? parse_users(list) : parse_groups(list);
    auto & all = is_user ? options.users : options.groups;
    all.insert(all.end(), readers.begin(), readers.end());
    return true;
}

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
        else if (take_readers(args, next, mode->mode, options))
            continue;
        else if (words.size() < most_words(mode->takes) &&
                 (word.empty() || word.front() != '-' || (word == "-" && mode->takes == Takes::file_and_tag)))
            words.emplace_back(word);
        else
            throw UsageError{quoted(word) + " is one word too many; options stand before the mode"};
    }
    if (options.long_lines && options.mode != Mode::images) throw UsageError{"--long is an option of images"};
    if (options.all_platforms && options.mode != Mode::lookup) throw UsageError{"--platforms is an option of lookup"};
    if (options.mine && options.mode != Mode::images) throw UsageError{"--mine is an option of images"};
    if (options.dry_run && options.mode != Mode::rm && options.mode != Mode::expire && options.mode != Mode::autoexpire)
        throw UsageError{"--dry-run is an option of rm, expire and autoexpire"};
    if (options.dot && options.mode != Mode::tree) throw UsageError{"--dot is an option of tree"};
    const bool needs_image = mode->takes == Takes::image || mode->takes == Takes::images;
    if (needs_image &&
        (words.empty() || std::any_of(words.begin(), words.end(), [](const auto & word) { return word.empty(); })))
        throw UsageError{std::string{name} + " needs an image: type and tag, for example docker:ubuntu:22.04"};
    if (mode->takes == Takes::owner_and_image && words.size() != 2)
        throw UsageError{std::string{name} + " needs a user and an image: " + std::string{name} + " OWNER TAG"};
    if (mode->takes == Takes::file_and_tag && (words.empty() || words.front().empty()))
        throw UsageError{std::string{name} + (mode->mode == Mode::load ? " needs a file, a folder with an OCI layout" :
                                                                         " needs a squashfs file") +
                         ", or - for standard input"};
    if (!words.empty()) options.argument = words.front();
    options.arguments = std::move(words);
    return options;
}

} // namespace shifter::client
