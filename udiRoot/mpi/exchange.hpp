/**
 * @file
 * Whether the node's MPI may take the place of the image's: decided from ELF files alone, without loading one, and told
 * in words. Contract 5.10.
 *
 * The rules: the libraries have one SONAME; the node's defines each MPI symbol that the image's does, with its version;
 * whatever of the node's shadows a library of the image defines that one's versions, too; and the image has what the
 * node's libraries need beside each other, its C library above all. If one of them does not hold, the image keeps its
 * own.
 */
#pragma once

#include "mpi/elf_file.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace shifter::mpi {

struct Library {
    std::string path;
    ElfFile elf;
};

/** What the image's loader would load for a SONAME. */
using FindInImage = std::function<std::optional<Library>(const std::string & soname)>;

struct Verdict {
    bool exchange = false;
    std::vector<std::string> reasons; ///< sentences for --explain; the last one says what is done
};

/** Symbols that MPI programs are linked to: MPI_, PMPI_, their Fortran forms, and Open MPI's data. */
[[nodiscard]] bool is_mpi_symbol(std::string_view name);

/** "libmpi.so.12", "libmpich.so.12", "libmpifort.so.12", … */
[[nodiscard]] bool is_mpi_library(std::string_view soname);

/** @param command  the program that is about to run; nothing for a script, whose interpreter loads MPI, if at all */
[[nodiscard]] Verdict decide(const std::optional<Library> & command, const std::vector<Library> & node,
                             const FindInImage & image);

} // namespace shifter::mpi
