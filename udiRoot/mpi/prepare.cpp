#include "mpi/prepare.hpp"

#include "base/error.hpp"
#include "mpi/search.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <map>

namespace shifter::mpi {
namespace {

namespace fs = std::filesystem;

/** What has to fit an image's programs and its loader. */
bool is_of_image(const std::string & soname) {
    constexpr std::array stems = {"ld-linux", "libc",      "libm",    "libpthread", "libdl",    "librt",
                                  "libutil",  "libresolv", "libmvec", "libgcc_s",   "libstdc++"};
    const std::string stem = soname.substr(0, std::min(soname.find(".so"), soname.find("-x86-64")));
    return std::find(stems.begin(), stems.end(), stem) != stems.end() || soname.compare(0, 8, "ld-linux") == 0;
}

std::map<std::string, std::string> closure(const std::vector<std::string> & libraries) {
    std::map<std::string, std::string> paths; // by SONAME
    std::vector<Library> queue;
    queue.reserve(libraries.size());
    for (const std::string & path : libraries) queue.push_back(read_library(path));
    std::vector<std::string> directories;
    directories.reserve(libraries.size());
    for (const std::string & path : libraries) directories.push_back(fs::absolute(path).parent_path());
    for (const std::string & folder : library_directories(nullptr)) directories.push_back(folder);
    while (!queue.empty()) {
        const Library library = std::move(queue.back());
        queue.pop_back();
        const std::string name =
            library.elf.soname.empty() ? fs::path{library.path}.filename().string() : library.elf.soname;
        if (name.find('/') != std::string::npos || !paths.emplace(name, library.path).second) continue;
        std::vector<std::string> places = library.elf.runpath;
        places.insert(places.end(), library.elf.rpath.begin(), library.elf.rpath.end());
        places.insert(places.end(), directories.begin(), directories.end());
        for (const std::string & needed : library.elf.needed) {
            if (is_of_image(needed) || paths.count(needed) > 0) continue;
            auto found = find_library(needed, places);
            if (!found)
                throw Error{shifter::quoted(library.path) + " needs " + shifter::quoted(needed) +
                            ", which is not found here"};
            queue.push_back(*std::move(found));
        }
    }
    return paths;
}

} // namespace

void prepare(const std::string & program_folder, const std::string & directory,
             const std::vector<std::string> & libraries) {
    const auto paths = closure(libraries);
    const bool has_mpi =
        std::any_of(paths.begin(), paths.end(), [](const auto & entry) { return is_mpi_library(entry.first); });
    if (!has_mpi) throw Error{"none of these is an MPI library: its SONAME begins with libmpi"};
    std::error_code why;
    if (!fs::create_directory(directory, why))
        throw Error{"cannot make " + shifter::quoted(directory) + ": " + (why ? why.message() : "it exists already")};
    try {
        const auto mode =
            fs::perms::owner_write | fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read;
        const auto executable = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
        fs::create_directory(directory + "/lib");
        for (const std::string & folder : {directory, directory + "/lib"}) fs::permissions(folder, mode | executable);
        fs::copy_file(program_folder + "/shifter-mpi", directory + "/shifter-mpi");
        fs::permissions(directory + "/shifter-mpi", mode | executable);
        for (const auto & [name, path] : paths) {
            fs::copy_file(path, directory + "/lib/" + name);
            fs::permissions(directory + "/lib/" + name, mode);
            std::printf("%s\n", name.c_str());
        }
    } catch (const fs::filesystem_error & error) {
        fs::remove_all(directory, why);
        throw Error{"cannot prepare " + shifter::quoted(directory) + ": " + error.what()};
    }
}

} // namespace shifter::mpi
