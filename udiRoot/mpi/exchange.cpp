#include "mpi/exchange.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace shifter::mpi {
namespace {

const Library * of_soname(const std::vector<Library> & libraries, const std::string & soname) {
    const auto found = std::find_if(libraries.begin(), libraries.end(),
                                    [&](const Library & library) { return library.elf.soname == soname; });
    return found == libraries.end() ? nullptr : &*found;
}

/** A program that was linked without versions takes any. */
bool defines(const ElfFile & library, const std::string & symbol) {
    if (library.symbols.count(symbol) > 0) return true;
    if (symbol.find('@') != std::string::npos) return false;
    const auto next = library.symbols.lower_bound(symbol + "@");
    return next != library.symbols.end() && next->compare(0, symbol.size() + 1, symbol + "@") == 0;
}

/** Why the node's library cannot stand for the image's; nothing if it can. */
std::optional<std::string> refuse_pair(const Library & own, const Library & images) {
    if (own.elf.machine != images.elf.machine) return own.elf.soname + ": the image's is for another kind of machine";
    for (const std::string & version : images.elf.versions)
        if (own.elf.versions.count(version) == 0)
            return own.elf.soname + ": the node's does not define version " + version + ", as the image's does";
    std::size_t missing = 0;
    std::string first;
    for (const std::string & symbol : images.elf.symbols)
        if (!defines(own.elf, symbol) && missing++ == 0) first = symbol;
    if (missing > 0)
        return own.elf.soname + ": the node's lacks " + first +
               (missing > 1 ? " and " + std::to_string(missing - 1) + " more symbols" : "") + " of the image's";
    return std::nullopt;
}

/** What a library of the node needs of the image, beside the other libraries of the node. */
std::optional<std::string> refuse_needs(const Library & own, const std::vector<Library> & node,
                                        const FindInImage & image) {
    for (const std::string & name : own.elf.needed) {
        if (of_soname(node, name) != nullptr) continue;
        const auto found = image(name);
        if (!found) return own.elf.soname + " of the node needs " + name + ", which the image does not have";
        const auto versions = own.elf.needed_versions.find(name);
        if (versions == own.elf.needed_versions.end()) continue;
        for (const std::string & version : versions->second)
            if (found->elf.versions.count(version) == 0)
                return own.elf.soname + " of the node needs " + version + " of " + name + ", which the image's (" +
                       found->path + ") does not define";
    }
    return std::nullopt;
}

std::optional<std::string> refuse_command(const Library & command, const std::vector<Library> & node,
                                          const FindInImage & image) {
    if (command.elf.interpreter.empty()) return command.path + " is static: no library is loaded";
    if (command.elf.interpreter.find("ld-musl") != std::string::npos)
        return command.path + " is for the C library musl, and the node's MPI is for glibc";
    for (const std::string & name : command.elf.needed)
        if (is_mpi_library(name) && of_soname(node, name) == nullptr)
            return command.path + " needs " + name +
                   ", and the node's MPI is another: it has no library of that SONAME";
    // DT_RUNPATH comes after LD_LIBRARY_PATH; DT_RPATH, where there is no DT_RUNPATH, before it.
    if (!command.elf.rpath.empty() && command.elf.runpath.empty())
        for (const std::string & name : command.elf.needed)
            if (const auto found = image(name); is_mpi_library(name) && found)
                for (const std::string & folder : command.elf.rpath)
                    if (found->path == folder + "/" + name)
                        return command.path + " names " + folder + " as DT_RPATH, which comes before LD_LIBRARY_PATH";
    return std::nullopt;
}

Verdict keep(std::vector<std::string> reasons, const std::string & why) {
    reasons.push_back(why);
    reasons.emplace_back("the image keeps its own MPI");
    return {false, std::move(reasons)};
}

} // namespace

bool is_mpi_symbol(std::string_view name) {
    std::string_view rest = name;
    if (rest.substr(0, 1) == "P" || rest.substr(0, 1) == "p") rest.remove_prefix(1);
    if (rest.substr(0, 9) == "ompi_mpi_" || name.substr(0, 9) == "ompi_mpi_") return true;
    return rest.substr(0, 4) == "MPI_" || rest.substr(0, 5) == "MPIX_" || rest.substr(0, 4) == "mpi_" ||
           rest.substr(0, 5) == "mpix_";
}

bool is_mpi_library(std::string_view soname) {
    const std::string_view stem = soname.substr(0, soname.find(".so"));
    return stem.size() < soname.size() && stem.substr(0, 6) == "libmpi";
}

Verdict decide(const std::optional<Library> & command, const std::vector<Library> & node, const FindInImage & image) {
    Verdict verdict;
    if (command)
        if (const auto why = refuse_command(*command, node, image)) return keep({}, *why);
    std::vector<std::string> exchanged;
    std::string names;
    for (const Library & own : node) {
        if (is_mpi_library(own.elf.soname)) names += (names.empty() ? "" : ", ") + own.elf.soname;
        const auto images = image(own.elf.soname);
        if (!images) continue;
        if (const auto why = refuse_pair(own, *images)) return keep(std::move(verdict.reasons), *why);
        if (!is_mpi_library(own.elf.soname)) continue;
        exchanged.push_back(own.path + " in the place of " + images->path + ": one SONAME, and all of its " +
                            std::to_string(images->elf.symbols.size()) + " MPI symbols");
    }
    if (names.empty()) return keep({}, "the module has no MPI library");
    if (exchanged.empty()) return keep({}, "the image has no library of the node's MPI (" + names + ")");
    for (const Library & own : node)
        if (const auto why = refuse_needs(own, node, image)) return keep(std::move(exchanged), *why);
    exchanged.emplace_back("the node's MPI is used");
    return {true, std::move(exchanged)};
}

} // namespace shifter::mpi
