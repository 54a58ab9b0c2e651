#include "frontend/options.hpp"

#include <array>
#include <getopt.h>

namespace shifter::frontend {
namespace {

enum Code : int { entrypoint_code = 256, env_file_code, version_code };

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
    option{nullptr, 0, nullptr, 0},
};

std::optional<std::string> argument() { return optarg != nullptr ? std::optional<std::string>{optarg} : std::nullopt; }

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
        options.volumes = (options.volumes ? *options.volumes + ";" : "") + optarg;
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
    default:
        break;
    }
    return std::nullopt;
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
        if (code == '?' && (word == "--ve" || word == "--ver"))
            code = 'v'; // H1-2: unambiguous before there was --version
        if (code == ':') return ParseError{0, "option " + quoted(word) + " needs an argument"};
        if (code == '?') return ParseError{0, "there is no option " + quoted(word)};
        if (auto refused = take(options, code)) return *refused;
        if (options.help || options.version) return options;
    }
    for (int i = optind; i < argc; ++i) options.command.emplace_back(argv[static_cast<std::size_t>(i)]);
    return options;
}

std::string usage() {
    return "usage: shifter [-hvEn] [-i [type:]tag] [-V from:to[:flag][;...]]... [-w[path]] [-m modules]\n"
           "               [-e name=value]... [--env-file=path] [--entrypoint[=command]] [--] [command "
           "[argument...]]\n";
}

std::string help() {
    return usage() +
           "\nRuns a command in a container made from an image.\n\n"
           "  -i, --image=[type:]tag   the image: docker:name:tag, custom:name, id:identifier, local:directory;\n"
           "                           without it, SHIFTER_IMAGETYPE and SHIFTER_IMAGE, or SHIFTER_IMAGEREQUEST\n"
           "  -V, --volume=from:to[:ro]  show a directory of the container at another place; may be repeated\n"
           "  -w, --workdir[=path]     start in path; without a path, in the image's working directory\n"
           "      --entrypoint[=cmd]   run the image's entry point, or cmd, with the given words as arguments\n"
           "  -m, --module=a,b         site modules to use instead of the site's defaults; none: no modules\n"
           "  -e, --env=name=value     set a variable in the container; may be repeated\n"
           "      --env-file=path      set variables from a file, read in the container\n"
           "  -E, --clearenv           start from an empty environment instead of the caller's\n"
           "  -v, --verbose            say what is mounted\n"
           "  -h, --help               print this\n"
           "      --version            print the version\n\n"
           "Without a command, a shell is started: $SHELL if the container has it, else /bin/sh.\n"
           "See shifter(1).\n";
}

} // namespace shifter::frontend
