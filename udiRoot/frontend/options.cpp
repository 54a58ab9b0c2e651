#include "frontend/options.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "frontend/mount_option.hpp"

#include <array>
#include <getopt.h>

namespace shifter::frontend {
namespace {

enum Code : int {
    entrypoint_code = 256,
    env_file_code,
    version_code,
    check_config_code,
    dry_run_code,
    timing_code,
    mount_code,
    writable_code
};

// "+": options end at the first word that is none. ":": a missing argument is told apart from an unknown option.
constexpr const char * short_options = "+:hvi:V:w::m:e:En";
constexpr std::array long_options = {
    option{"help", no_argument, nullptr, 'h'},
    option{"verbose", no_argument, nullptr, 'v'},
    option{"image", required_argument, nullptr, 'i'},
    option{"volume", required_argument, nullptr, 'V'},
    option{"workdir", optional_argument, nullptr, 'w'},
    option{"entrypoint", optional_argument, nullptr, entrypoint_code},
    option{"entry", optional_argument, nullptr, entrypoint_code},
    option{"module", required_argument, nullptr, 'm'},
    option{"env", required_argument, nullptr, 'e'},
    option{"env-file", required_argument, nullptr, env_file_code},
    option{"clearenv", no_argument, nullptr, 'E'},
    option{"version", no_argument, nullptr, version_code},
    option{"check-config", optional_argument, nullptr, check_config_code},
    option{"dry-run", no_argument, nullptr, dry_run_code},
    option{"timing", no_argument, nullptr, timing_code},
    option{"mount", required_argument, nullptr, mount_code},
    option{"writable", optional_argument, nullptr, writable_code},
    // H1-2: abbreviations that were unambiguous before there were --mount and --writable
    option{"m", required_argument, nullptr, 'm'},
    option{"mo", required_argument, nullptr, 'm'},
    option{"w", optional_argument, nullptr, 'w'},
    option{nullptr, 0, nullptr, 0},
};

/** "--verbose, --volume or --version" for the beginning of several names; empty for that of none or one. */
std::string names_that_begin_with(const std::string & word) {
    const std::string begin = word.substr(0, word.find('='));
    std::vector<std::string> names;
    for (const option & known : long_options) {
        const std::string name = std::string{"--"} + (known.name != nullptr ? known.name : "");
        if (begin.size() > 2 && name.compare(0, begin.size(), begin) == 0) names.push_back(name);
    }
    if (names.size() < 2) return {};
    const std::string last = names.back();
    names.pop_back();
    return text::join(names, ", ") + " or " + last;
}

std::optional<std::string> argument() { return optarg != nullptr ? std::optional<std::string>{optarg} : std::nullopt; }

void add_volumes(Options & options, const std::string & map) {
    options.volumes = (options.volumes ? *options.volumes + ";" : "") + map;
}

std::optional<ParseError> take(Options & options, int code) {
    switch (code) {
    case 'h':
        options.help = true;
        break;
    case 'v':
        options.verbose = true;
        break;
    case 'i':
        options.image = optarg;
        break;
    case 'V':
        add_volumes(options, optarg);
        break;
    case mount_code: {
        const auto entry = volume_of_mount_option(optarg);
        if (!entry) return ParseError{0, "cannot use --mount " + quoted(optarg) + ": " + entry.error().what};
        add_volumes(options, *entry);
        break;
    }
    case writable_code:
        options.writable = {true, argument()};
        break;
    case 'w':
        options.workdir = {true, argument()};
        break;
    case entrypoint_code:
        options.entrypoint = {true, argument()};
        break;
    case 'm':
        options.modules = optarg;
        break;
    case 'e': {
        const std::string entry = optarg;
        const std::size_t equals = entry.find('=');
        if (equals == 0 || equals == std::string::npos)
            return ParseError{0, "--env needs NAME=VALUE, not " + quoted(entry)};
        options.environment.push_back(entry);
        break;
    }
    case env_file_code:
        options.environment_file = optarg;
        break;
    case 'E':
        options.clear_environment = true;
        break;
    case 'n':
        break; // accepted and ignored
    case version_code:
        options.version = true;
        break;
    case check_config_code:
        options.check_config = argument().value_or("");
        break;
    case dry_run_code:
        options.dry_run = true;
        break;
    case timing_code:
        options.timing = true;
        break;
    default:
        break;
    }
    return std::nullopt;
}

/** "--check-config FILE" is as good as "--check-config=FILE". */
Expected<Options> with_file_to_check(Options options) {
    std::vector<std::string> & words = options.command;
    if (options.check_config->empty() && !words.empty()) {
        options.check_config = words.front();
        words.erase(words.begin());
    }
    if (!words.empty())
        return ParseError{0, "--check-config takes one file, and " + quoted(words.front()) + " is more"};
    return options;
}

} // namespace

Expected<Options> parse_options(const std::vector<std::string> & arguments) {
    std::vector<std::string> words = {"shifter"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char *> argv;
    argv.reserve(words.size() + 1);
    for (std::string & word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const int argc = static_cast<int>(words.size());

    Options options;
    optind = 0; // glibc: start anew
    opterr = 0;
    for (;;) {
        const int before = optind == 0 ? 1 : optind;
        // NOLINTNEXTLINE(concurrency-mt-unsafe): the header says so
        int code = ::getopt_long(argc, argv.data(), short_options, long_options.data(), nullptr);
        if (code == -1) break;
        const std::string word = before < argc ? argv[static_cast<std::size_t>(before)] : "";
        // H1-2: unambiguous before there were --version and --check-config
        if (code == '?' && (word == "--ve" || word == "--ver")) code = 'v';
        if (code == '?' && word == "--c") code = 'E';
        if (code == ':') return ParseError{0, "option " + quoted(word) + " needs an argument"};
        // getopt_long(3) names the option that it knows, and that takes no argument.
        if (code == '?' && optopt != 0 && word.compare(0, 2, "--") == 0)
            return ParseError{0, "option " + quoted(word.substr(0, word.find('='))) + " takes no argument"};
        if (code == '?' && !names_that_begin_with(word).empty())
            return ParseError{0, "option " + quoted(word) + " may be " + names_that_begin_with(word) +
                                     "; write more of it"};
        if (code == '?') return ParseError{0, "there is no option " + quoted(word) + "; see shifter --help"};
        if (auto refused = take(options, code)) return *refused;
        if (options.help || options.version) return options;
    }
    for (int i = optind; i < argc; ++i) options.command.emplace_back(argv[static_cast<std::size_t>(i)]);
    return options.check_config ? with_file_to_check(std::move(options)) : Expected<Options>{std::move(options)};
}

std::string usage() {
    return "usage: shifter [-hvEn] [-i [type:]tag] [-V from:to[:flag][;...]]... [--mount=...]...\n"
           "               [--writable[=size]] [-w[path]] [-m modules] [-e name=value]... [--env-file=path]\n"
           "               [--entrypoint[=command]] [--] [command [argument...]]\n"
           "       shifter doctor | ps | --check-config[=file]\n";
}

std::string help() {
    return usage() +
           "\nRuns a command in a container made from an image.\n\n"
           "  -i, --image=[type:]tag   the image: docker:name:tag, custom:name, id:identifier, local:directory;\n"
           "                           without it, SHIFTER_IMAGETYPE and SHIFTER_IMAGE, or SHIFTER_IMAGEREQUEST\n"
           "  -V, --volume=from:to[:ro]  show a directory or file of the container, or of the node where the site\n"
           "                           allows that, at another place; may be repeated\n"
           "      --mount=type=bind,src=from,dst=to[,ro]  the same, as docker spells it; also\n"
           "      --mount=type=tmpfs,dst=to[,size=1G]     an empty file system in memory\n"
           "      --writable[=size]    a root that can be changed; what is changed is lost at the end\n"
           "  -w, --workdir[=path]     start in path; without a path, in the image's working directory\n"
           "      --entrypoint[=cmd]   run the image's entry point, or cmd, with the given words as arguments\n"
           "  -m, --module=a,b         site modules to use instead of the site's defaults; none: no modules\n"
           "  -e, --env=name=value     set a variable in the container; may be repeated\n"
           "      --env-file=path      set variables from a file, read in the container\n"
           "  -E, --clearenv           start from an empty environment instead of the caller's\n"
           "  -v, --verbose            say what is mounted\n"
           "      --dry-run            print what would be mounted, as mount(8) commands, and stop\n"
           "      --timing             say where the milliseconds went\n"
           "      --check-config[=file]  say what is wrong with the site's configuration, and stop\n"
           "  -h, --help               print this\n"
           "      --version            print the version\n\n"
           "Without a command, a shell is started: $SHELL if the container has it, else /bin/sh.\n"
           "shifter doctor           examines this node: what would keep containers from starting here, and what to "
           "do\n"
           "shifter ps               lists what runs in containers on this node\n"
           "See shifter(1).\n";
}

} // namespace shifter::frontend
