/**
 * @file
 * Where a dynamic loader looks for libraries, and what stands there: as glibc does it, without its cache, which an
 * image need not have.
 */
#pragma once

#include "mpi/exchange.hpp"

#include <optional>
#include <string>
#include <vector>

namespace shifter::mpi {

/** Files above this are not looked into. */
inline constexpr std::size_t max_elf_file = std::size_t{1} << 30U;

/** @throws Error when it cannot be read, or is no ELF file that a loader would take */
[[nodiscard]] Library read_library(const std::string & path);

/** LD_LIBRARY_PATH (`variable`, may be null), ld.so.conf and what it includes, and the built-in ones, in that order. */
[[nodiscard]] std::vector<std::string> library_directories(const char * variable,
                                                           const std::string & config = "/etc/ld.so.conf");

/** The first file of that name that a loader would take. */
[[nodiscard]] std::optional<Library> find_library(const std::string & soname,
                                                  const std::vector<std::string> & directories);

/** What `command` would execute: itself, or the file of that name in `path`; nothing when there is none. */
[[nodiscard]] std::optional<std::string> find_command(const std::string & command, const char * path);

} // namespace shifter::mpi
