/**
 * @file
 * What a dynamic loader would see in an ELF file: read from bytes that an image's author chose, so every offset, count
 * and string is looked at before it is used. Source: the ELF and symbol versioning specifications; 64-bit files in this
 * machine's byte order, by their section headers, which stripped libraries keep.
 */
#pragma once

#include "base/expected.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::mpi {

struct ElfFile {
    std::uint16_t machine = 0;
    std::string interpreter; ///< the dynamic loader; empty: none is named
    std::string soname;
    std::vector<std::string> needed;
    std::vector<std::string> rpath; ///< DT_RPATH: searched before LD_LIBRARY_PATH
    std::vector<std::string> runpath;
    std::set<std::string> symbols;  ///< defined ones that were asked for: NAME, or NAME@VERSION
    std::set<std::string> versions; ///< that it defines
    std::map<std::string, std::set<std::string>> needed_versions; ///< by the file that has to define them
};

/** Files of more versions, symbols or longer names are refused. */
inline constexpr std::size_t max_elf_versions = 1U << 16U;
inline constexpr std::size_t max_elf_symbols = 1U << 20U;
inline constexpr std::size_t max_elf_name = 4096;

/** @param wanted  which defined symbols to keep: a library may have a hundred thousand */
[[nodiscard]] Expected<ElfFile> read_elf(std::string_view bytes, bool (*wanted)(std::string_view name));

} // namespace shifter::mpi
