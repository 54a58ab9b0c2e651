// shifter-mpi: in front of a command in the container, decides whether it runs with the node's MPI. It runs as the
// user, is static, since the image may have any C library, and changes nothing but LD_LIBRARY_PATH of that command.
#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "base/log.hpp"
#include "mpi/prepare.hpp"
#include "mpi/search.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <memory>
#include <string_view>
#include <unistd.h>

namespace shifter::mpi {
namespace {

constexpr const char * usage =
    "usage: shifter-mpi [--explain] COMMAND [ARGUMENT...]\n"
    "       shifter-mpi --prepare DIRECTORY LIBRARY...\n"
    "\n"
    "In a container, in front of a command: runs it with the node's MPI where the image's has the same ABI, and else "
    "with\n"
    "the image's. The node's is what lies in lib/ beside this program.\n"
    "  --explain   say each decision, and why, on the error output (so does SHIFTER_MPI_EXPLAIN=1)\n"
    "  --prepare   on a node: copy this program, MPI libraries and what they need to a module's directory\n";

std::string own_folder() {
    char path[4096];
    const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
    if (size <= 0 || size == sizeof path) throw SysError{errno, "cannot find out where shifter-mpi is"};
    const std::string text{path, static_cast<std::size_t>(size)};
    return text.substr(0, text.rfind('/'));
}

std::vector<Library> libraries_in(const std::string & folder) {
    const std::unique_ptr<DIR, int (*)(DIR *)> listing{::opendir(folder.c_str()), ::closedir};
    if (!listing) throw SysError{errno, "cannot read the node's MPI in " + quoted(folder)};
    std::vector<std::string> names;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    while (const dirent * const entry = ::readdir(listing.get()))
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    std::sort(names.begin(), names.end());
    std::vector<Library> libraries;
    libraries.reserve(names.size());
    for (const std::string & name : names) libraries.push_back(read_library(folder + "/" + name));
    return libraries;
}

// NOLINTBEGIN(concurrency-mt-unsafe): one thread
Verdict decide_for(const std::string & word, const std::string & node_folder) {
    std::optional<Library> command;
    std::vector<std::string> directories = library_directories(std::getenv("LD_LIBRARY_PATH"));
    if (const auto path = find_command(word, std::getenv("PATH"))) {
        try {
            command = read_library(*path);
        } catch (const Error &) { // a script, or nothing at all, as execve(2) will say
        }
        if (command) {
            const std::string origin = path->substr(0, path->rfind('/'));
            std::vector<std::string> first = command->elf.runpath.empty() ? command->elf.rpath : command->elf.runpath;
            for (std::string & folder : first)
                for (const std::string_view name : {"$ORIGIN", "${ORIGIN}"})
                    if (folder.compare(0, name.size(), name) == 0) folder = origin + folder.substr(name.size());
            directories.insert(command->elf.runpath.empty() ? directories.begin() : directories.end(), first.begin(),
                               first.end());
        }
    }
    // In a step of a task that was exchanged already, the node's are not the image's.
    directories.erase(std::remove(directories.begin(), directories.end(), node_folder), directories.end());
    return decide(command, libraries_in(node_folder),
                  [&](const std::string & soname) { return find_library(soname, directories); });
}

int run(int argc, char ** argv) {
    int first = 1;
    const std::string_view option = argc > 1 ? argv[1] : "";
    if (option == "--prepare" && argc > 3) {
        prepare(own_folder(), argv[2], {argv + 3, argv + argc});
        return 0;
    }
    const bool asks_help = option == "--help" || option == "-h";
    if (asks_help || option == "--version") {
        (void)std::fputs(asks_help ? usage : (std::string{"shifter-mpi "} + installed::version + "\n").c_str(), stdout);
        return 0;
    }
    const char * const variable = std::getenv("SHIFTER_MPI_EXPLAIN");
    bool explain = variable != nullptr && std::string_view{variable} == "1";
    if (option == "--explain") {
        explain = true;
        ++first;
    }
    if (first >= argc || argv[first][0] == '-') throw Error{std::string{"a command is needed; "} + usage};
    const std::string folder = own_folder() + "/lib";
    Verdict verdict;
    try {
        verdict = decide_for(argv[first], folder);
    } catch (const Error & error) { // what is wrong with the module must not keep the image's own from running
        verdict.reasons = {error.what(), "the image keeps its own MPI"};
        if (!explain) log::warning(std::string{error.what()} + "; the image keeps its own MPI");
    }
    if (explain)
        for (const std::string & reason : verdict.reasons)
            (void)std::fprintf(stderr, "shifter-mpi: %s\n", log::one_line(reason).c_str());
    if (verdict.exchange) {
        const char * const before = std::getenv("LD_LIBRARY_PATH");
        const std::string value = folder + (before != nullptr && *before != '\0' ? ":" + std::string{before} : "");
        if (::setenv("LD_LIBRARY_PATH", value.c_str(), 1) != 0) throw SysError{errno, "cannot set LD_LIBRARY_PATH"};
    }
    ::execvp(argv[first], argv + first);
    const int why = errno;
    log::error(std::string{argv[first]} + ": " + describe_errno(why));
    return static_cast<int>(why == ENOENT || why == ENOTDIR ? ExitStatus::not_found : ExitStatus::not_executable);
}
// NOLINTEND(concurrency-mt-unsafe)

} // namespace
} // namespace shifter::mpi

int main(int argc, char ** argv) {
    shifter::log::set_program("shifter-mpi");
    try {
        return shifter::mpi::run(argc, argv);
    } catch (const std::exception & error) {
        shifter::log::error(error.what());
        return static_cast<int>(shifter::ExitStatus::failed);
    }
}
