// R16: what a library may hold, on each side of each limit.
#include "mpi/elf_file.hpp"
#include "mpi/search.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <elf.h>
#include <vector>

using namespace shifter;
using namespace shifter::mpi;
using shifter::test::failure_of;
using shifter::test::ScratchDirectory;

namespace {

template <class Record> std::string bytes_of(const Record & record) {
    return {reinterpret_cast<const char *>(&record), sizeof record};
}

struct Section {
    unsigned type;
    std::string content;
};

/** The sections that are given, from number 2 on; number 1 holds their strings. */
std::string elf_of(const std::string & strings, const std::vector<Section> & sections, const std::string & loader = "") {
    Elf64_Ehdr header{};
    std::copy_n(ELFMAG, SELFMAG, reinterpret_cast<char *>(header.e_ident));
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_DYN;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = static_cast<Elf64_Half>(sections.size() + 2);
    std::string table = bytes_of(Elf64_Shdr{});
    std::string content;
    const auto place = [&](const Section & section) {
        Elf64_Shdr one{};
        one.sh_type = section.type;
        one.sh_link = 1;
        one.sh_offset = sizeof header + content.size();
        one.sh_size = section.content.size();
        content += section.content;
        table += bytes_of(one);
    };
    place({SHT_STRTAB, strings});
    for (const Section & section : sections) place(section);
    if (!loader.empty()) {
        Elf64_Phdr segment{};
        segment.p_type = PT_INTERP;
        segment.p_offset = sizeof header + content.size();
        segment.p_filesz = loader.size();
        content += loader;
        header.e_phoff = sizeof header + content.size();
        header.e_phentsize = sizeof segment;
        header.e_phnum = 1;
        content += bytes_of(segment);
    }
    header.e_shoff = sizeof header + content.size();
    return bytes_of(header) + content + table;
}

std::string repeated(std::size_t count, const std::string & bytes) {
    std::string all;
    all.reserve(count * bytes.size());
    for (std::size_t i = 0; i < count; ++i) all += bytes;
    return all;
}

Elf64_Dyn dynamic(Elf64_Sxword tag, Elf64_Xword value) {
    Elf64_Dyn entry{};
    entry.d_tag = tag;
    entry.d_un.d_val = value;
    return entry;
}

/** Why it is refused; empty when it is not. */
std::string refusal(const std::string & file) {
    const auto read = read_elf(file, [](std::string_view) { return true; });
    return read ? "" : read.error().what;
}

} // namespace

TEST_CASE("R16: a name has at most 4096 bytes, and so has a loader's") {
    const auto soname = [](std::size_t size) {
        return elf_of(std::string(1, '\0') + std::string(size, 'n') + std::string(1, '\0'),
                      {{SHT_DYNAMIC, bytes_of(dynamic(DT_SONAME, 1))}});
    };
    CHECK(read_elf(soname(4096), is_mpi_symbol).value_or_throw("it").soname.size() == 4096);
    CHECK(refusal(soname(4097)) == "a name has no end");
    const auto loader = [](std::size_t size) { return elf_of("", {}, std::string(size, 'l')); };
    CHECK(read_elf(loader(4096), is_mpi_symbol).value_or_throw("it").interpreter.size() == 4096);
    CHECK(refusal(loader(4097)) == "the interpreter's name is too long");
}

TEST_CASE("R16: 65536 entries of the dynamic section are read, and no more") {
    const auto with_soname_at = [](std::size_t index) {
        return elf_of(std::string("\0libx.so", 9), {{SHT_DYNAMIC, repeated(index, bytes_of(dynamic(DT_DEBUG, 0))) +
                                                                      bytes_of(dynamic(DT_SONAME, 1))}});
    };
    CHECK(read_elf(with_soname_at(65535), is_mpi_symbol).value_or_throw("it").soname == "libx.so");
    CHECK(read_elf(with_soname_at(65536), is_mpi_symbol).value_or_throw("it").soname.empty());
}

TEST_CASE("R16: a library has at most 1048576 symbols") {
    const auto with_symbols = [](std::size_t count) {
        return elf_of(std::string("\0MPI_Init", 10), {{SHT_DYNSYM, std::string(count * sizeof(Elf64_Sym), '\0')}});
    };
    CHECK(refusal(with_symbols(1U << 20U)).empty());
    CHECK(refusal(with_symbols((1U << 20U) + 1)) == "it has too many symbols");
}

TEST_CASE("R16: a library defines at most 65536 versions") {
    const auto with_versions = [](std::size_t count) {
        Elf64_Verdef entry{};
        entry.vd_flags = VER_FLG_BASE;
        entry.vd_aux = sizeof entry;
        entry.vd_next = sizeof entry + sizeof(Elf64_Verdaux);
        const std::string one = bytes_of(entry) + bytes_of(Elf64_Verdaux{});
        entry.vd_next = 0;
        return elf_of("", {{SHT_GNU_verdef, repeated(count - 1, one) + bytes_of(entry) + bytes_of(Elf64_Verdaux{})}});
    };
    CHECK(refusal(with_versions(65536)).empty());
    CHECK(refusal(with_versions(65537)) == "it defines too many versions");
}

TEST_CASE("R16: a library needs at most 65536 versions, of whatever files") {
    const auto with_versions = [](std::size_t in_second) {
        constexpr std::size_t in_first = 65535;
        Elf64_Vernaux version{};
        version.vna_flags = VER_FLG_WEAK;
        version.vna_next = sizeof version;
        Elf64_Verneed entry{};
        entry.vn_cnt = in_first;
        entry.vn_aux = sizeof entry;
        entry.vn_next = static_cast<Elf64_Word>(sizeof entry + in_first * sizeof version);
        std::string content = bytes_of(entry) + repeated(in_first, bytes_of(version));
        entry.vn_cnt = static_cast<Elf64_Half>(in_second);
        entry.vn_next = 0;
        content += bytes_of(entry) + repeated(in_second, bytes_of(version));
        return elf_of(std::string(1, '\0'), {{SHT_GNU_verneed, content}});
    };
    CHECK(refusal(with_versions(0)).empty()); // the second file is the last one
    CHECK(refusal(with_versions(1)) == "it needs too many versions");
}

TEST_CASE("R16: a library has at most 1 GiB") {
    const ScratchDirectory scratch;
    const std::string file = scratch.write("libmpi.so", "");
    REQUIRE(::truncate(file.c_str(), off_t{1} << 30U) == 0);
    CHECK(failure_of([&] { (void)read_library(file); }) == "cannot use \"" + file + "\": it is no ELF file");
    REQUIRE(::truncate(file.c_str(), (off_t{1} << 30U) + 1) == 0);
    CHECK(failure_of([&] { (void)read_library(file); }) == "\"" + file + "\" is empty, or larger than 1 GiB");
}

TEST_CASE("R16: ld.so.conf is read up to 64 KiB, four levels and 256 directories, and the rest is not searched") {
    const ScratchDirectory scratch;
    const std::string main_file = scratch.path("0");
    const auto searches = [&](const std::string & folder) {
        const auto all = library_directories(nullptr, main_file);
        return std::find(all.begin(), all.end(), folder) != all.end();
    };
    for (int level = 0; level <= 5; ++level)
        (void)scratch.write(std::to_string(level), "/level" + std::to_string(level) + "\ninclude " +
                                                       scratch.path(std::to_string(level + 1)) + "\n");
    CHECK(searches("/level4"));
    CHECK_FALSE(searches("/level5"));

    std::string lines;
    for (int i = 1; i <= 257; ++i) lines += "/folder" + std::to_string(i) + "\n";
    (void)scratch.write("0", lines);
    CHECK(searches("/folder256"));
    CHECK_FALSE(searches("/folder257"));

    const std::string line = "/folder\n#";
    (void)scratch.write("0", line + std::string(65536 - line.size(), 'x'));
    CHECK(searches("/folder"));
    (void)scratch.write("0", line + std::string(65537 - line.size(), 'x'));
    CHECK_FALSE(searches("/folder"));
    CHECK(searches("/usr/lib")); // as ever
}
