#include "mpi/elf_file.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

#include <cstring>
#include <elf.h>
#include <optional>

namespace shifter::mpi {
namespace {

/** Thrown inside of this file alone. */
struct Malformed {
    std::uint64_t offset;
    const char * what;
};

class Reader {
public:
    Reader(std::string_view file, bool (*wanted)(std::string_view)) : file_{file}, wanted_{wanted} {}
    [[nodiscard]] ElfFile read();

private:
    /** A copy: a file may be cut anywhere, and need not be aligned. */
    template <class Record> [[nodiscard]] Record at(std::uint64_t offset) const {
        if (offset > file_.size() || file_.size() - offset < sizeof(Record))
            throw Malformed{offset, "it ends too early"};
        Record record;
        std::memcpy(&record, file_.data() + offset, sizeof record);
        return record;
    }
    [[nodiscard]] std::string text_at(const Elf64_Shdr & strings, std::uint64_t index) const {
        if (index >= strings.sh_size || strings.sh_offset > file_.size() || index >= file_.size() - strings.sh_offset)
            throw Malformed{strings.sh_offset, "a name lies outside of its table"};
        const std::string_view rest = file_.substr(strings.sh_offset + index, max_elf_name + 1);
        const std::size_t end = rest.find('\0');
        if (end == std::string_view::npos) throw Malformed{strings.sh_offset + index, "a name has no end"};
        return std::string{rest.substr(0, end)};
    }
    [[nodiscard]] const Elf64_Shdr & section(std::uint64_t index) const {
        if (index >= sections_.size()) throw Malformed{header_.e_shoff, "a section is named that it does not have"};
        return sections_[index];
    }
    void read_header();
    void read_interpreter();
    void read_dynamic(const Elf64_Shdr & dynamic);
    void read_defined_versions(const Elf64_Shdr & definitions);
    void read_needed_versions(const Elf64_Shdr & needs);
    void read_symbols(const Elf64_Shdr & table);

    std::string_view file_;
    bool (*wanted_)(std::string_view);
    Elf64_Ehdr header_{};
    std::vector<Elf64_Shdr> sections_;
    std::map<std::uint16_t, std::string> version_names_;
    ElfFile found_;
};

void Reader::read_header() {
    header_ = at<Elf64_Ehdr>(0);
    if (std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0) throw Malformed{0, "it is no ELF file"};
    const bool ours = header_.e_ident[EI_CLASS] == ELFCLASS64 && header_.e_ident[EI_DATA] == ELFDATA2LSB;
    if (!ours) throw Malformed{EI_CLASS, "it is not for 64 bits in this byte order"};
    if (header_.e_type != ET_DYN && header_.e_type != ET_EXEC) throw Malformed{16, "it is no program and no library"};
    if (header_.e_shnum == 0 || header_.e_shentsize != sizeof(Elf64_Shdr))
        throw Malformed{0, "it has no section headers"};
    for (std::size_t i = 0; i < header_.e_shnum; ++i)
        sections_.push_back(at<Elf64_Shdr>(header_.e_shoff + i * sizeof(Elf64_Shdr)));
    found_.machine = header_.e_machine;
}

void Reader::read_interpreter() {
    if (header_.e_phnum == 0 || header_.e_phentsize != sizeof(Elf64_Phdr)) return;
    for (std::size_t i = 0; i < header_.e_phnum; ++i) {
        const auto segment = at<Elf64_Phdr>(header_.e_phoff + i * sizeof(Elf64_Phdr));
        if (segment.p_type != PT_INTERP) continue;
        if (segment.p_offset > file_.size()) throw Malformed{segment.p_offset, "it ends too early"};
        const std::string_view text = file_.substr(segment.p_offset, segment.p_filesz);
        if (text.size() > max_elf_name) throw Malformed{segment.p_offset, "the interpreter's name is too long"};
        found_.interpreter = std::string{text.substr(0, text.find('\0'))};
        return;
    }
}

void Reader::read_dynamic(const Elf64_Shdr & dynamic) {
    constexpr std::size_t max_entries = 1U << 16U;
    const Elf64_Shdr & strings = section(dynamic.sh_link);
    for (std::size_t i = 0; i < max_entries && (i + 1) * sizeof(Elf64_Dyn) <= dynamic.sh_size; ++i) {
        const auto entry = at<Elf64_Dyn>(dynamic.sh_offset + i * sizeof(Elf64_Dyn));
        const auto paths = [&] {
            const std::string text = text_at(strings, entry.d_un.d_val);
            std::vector<std::string> result;
            for (const std::string_view path : text::split(text, ':'))
                if (!path.empty()) result.emplace_back(path);
            return result;
        };
        if (entry.d_tag == DT_NULL) return;
        if (entry.d_tag == DT_SONAME) found_.soname = text_at(strings, entry.d_un.d_val);
        if (entry.d_tag == DT_NEEDED) found_.needed.push_back(text_at(strings, entry.d_un.d_val));
        if (entry.d_tag == DT_RPATH) found_.rpath = paths();
        if (entry.d_tag == DT_RUNPATH) found_.runpath = paths();
    }
}

void Reader::read_defined_versions(const Elf64_Shdr & definitions) {
    const Elf64_Shdr & strings = section(definitions.sh_link);
    std::uint64_t offset = definitions.sh_offset;
    for (std::size_t i = 0; i < max_elf_versions; ++i) {
        const auto entry = at<Elf64_Verdef>(offset);
        const auto name = at<Elf64_Verdaux>(offset + entry.vd_aux);
        if ((entry.vd_flags & VER_FLG_BASE) == 0) {
            const std::string text = text_at(strings, name.vda_name);
            version_names_[entry.vd_ndx] = text;
            found_.versions.insert(text);
        }
        if (entry.vd_next == 0) return;
        offset += entry.vd_next; // 32 bits: forward, and soon at the file's end
    }
    throw Malformed{definitions.sh_offset, "it defines too many versions"};
}

void Reader::read_needed_versions(const Elf64_Shdr & needs) {
    const Elf64_Shdr & strings = section(needs.sh_link);
    std::size_t budget = max_elf_versions;
    std::uint64_t offset = needs.sh_offset;
    for (;;) {
        const auto entry = at<Elf64_Verneed>(offset);
        auto & versions = found_.needed_versions[text_at(strings, entry.vn_file)];
        std::uint64_t place = offset + entry.vn_aux;
        for (std::size_t i = 0; i < entry.vn_cnt; ++i) {
            if (budget-- == 0) throw Malformed{needs.sh_offset, "it needs too many versions"};
            const auto version = at<Elf64_Vernaux>(place);
            // A weak one may be missing.
            if ((version.vna_flags & VER_FLG_WEAK) == 0) versions.insert(text_at(strings, version.vna_name));
            if (version.vna_next == 0) break;
            place += version.vna_next;
        }
        if (entry.vn_next == 0) return;
        if (budget-- == 0) throw Malformed{needs.sh_offset, "it needs too many versions"};
        offset += entry.vn_next;
    }
}

void Reader::read_symbols(const Elf64_Shdr & table) {
    constexpr std::uint16_t hidden = 0x8000;
    const Elf64_Shdr & strings = section(table.sh_link);
    const std::uint64_t count = table.sh_size / sizeof(Elf64_Sym);
    if (count > max_elf_symbols) throw Malformed{table.sh_offset, "it has too many symbols"};
    std::optional<Elf64_Shdr> version_table;
    for (const Elf64_Shdr & other : sections_)
        if (other.sh_type == SHT_GNU_versym) version_table = other;
    for (std::uint64_t i = 1; i < count; ++i) {
        const auto symbol = at<Elf64_Sym>(table.sh_offset + i * sizeof(Elf64_Sym));
        if (symbol.st_shndx == SHN_UNDEF) continue;
        std::string name = text_at(strings, symbol.st_name);
        if (!wanted_(name)) continue;
        if (name.find('@') != std::string::npos) throw Malformed{strings.sh_offset, "a symbol's name has an @"};
        if (version_table) {
            const auto number = at<std::uint16_t>(version_table->sh_offset + i * sizeof(std::uint16_t));
            const auto version = version_names_.find(static_cast<std::uint16_t>(number & ~hidden));
            if (version != version_names_.end()) name += "@" + version->second;
        }
        found_.symbols.insert(std::move(name));
    }
}

ElfFile Reader::read() {
    read_header();
    read_interpreter();
    for (const Elf64_Shdr & one : sections_) {
        if (one.sh_type == SHT_DYNAMIC) read_dynamic(one);
        if (one.sh_type == SHT_GNU_verdef && one.sh_size > 0) read_defined_versions(one);
        if (one.sh_type == SHT_GNU_verneed && one.sh_size > 0) read_needed_versions(one);
    }
    for (const Elf64_Shdr & one : sections_) // the versions' names are known now
        if (one.sh_type == SHT_DYNSYM) read_symbols(one);
    return std::move(found_);
}

} // namespace

Expected<ElfFile> read_elf(std::string_view bytes, bool (*wanted)(std::string_view name)) {
    try {
        return Reader{bytes, wanted}.read();
    } catch (const Malformed & malformed) {
        return ParseError{static_cast<std::size_t>(malformed.offset), malformed.what};
    }
}

} // namespace shifter::mpi
