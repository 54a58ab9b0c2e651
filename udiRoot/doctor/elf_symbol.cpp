#include "doctor/elf_symbol.hpp"

#include <cstring>
#include <elf.h>
#include <vector>

namespace shifter::doctor {
namespace {

/** A copy of what stands at `offset`: a file may be cut anywhere, and need not be aligned. */
template <class Record> std::optional<Record> at(std::string_view file, std::uint64_t offset) {
    if (offset > file.size() || file.size() - offset < sizeof(Record)) return std::nullopt;
    Record record;
    std::memcpy(&record, file.data() + offset, sizeof record);
    return record;
}

bool has_name(std::string_view file, std::uint64_t offset, std::string_view name) {
    return offset < file.size() && file.size() - offset > name.size() && file.substr(offset, name.size()) == name &&
           file[offset + name.size()] == '\0';
}

} // namespace

std::optional<std::uint32_t> number_of_symbol(std::string_view file, std::string_view symbol) {
    const auto header = at<Elf64_Ehdr>(file, 0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64 ||
        header->e_shentsize != sizeof(Elf64_Shdr))
        return std::nullopt;
    const auto section = [&](std::uint64_t index) {
        return at<Elf64_Shdr>(file, header->e_shoff + index * sizeof(Elf64_Shdr));
    };
    for (unsigned i = 0; i < header->e_shnum; ++i) {
        const auto table = section(i);
        if (!table || table->sh_type != SHT_DYNSYM) continue;
        const auto names = section(table->sh_link);
        if (!names) return std::nullopt;
        for (std::uint64_t offset = 0; offset + sizeof(Elf64_Sym) <= table->sh_size; offset += sizeof(Elf64_Sym)) {
            const auto entry = at<Elf64_Sym>(file, table->sh_offset + offset);
            if (!entry) return std::nullopt;
            if (!has_name(file, names->sh_offset + entry->st_name, symbol)) continue;
            const auto home = section(entry->st_shndx);
            if (!home || home->sh_type == SHT_NOBITS) return std::nullopt;
            return at<std::uint32_t>(file, home->sh_offset + (entry->st_value - home->sh_addr));
        }
    }
    return std::nullopt;
}

} // namespace shifter::doctor
