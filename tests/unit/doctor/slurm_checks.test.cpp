#include "doctor/checks.hpp"
#include "doctor/elf_symbol.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <elf.h>

using namespace shifter::doctor;

namespace {

template <class Record> std::string bytes_of(const Record & record) {
    return {reinterpret_cast<const char *>(&record), sizeof record};
}

/** The least that holds a symbol: its value, its name, the symbol table, and the sections that say where they are. */
std::string shared_object() {
    constexpr std::uint64_t address = 0x1000; // of the data section, which need not be its place in the file
    const std::string data = bytes_of(std::uint64_t{0x160508} << 32U);
    const std::string names{"\0plugin_name\0plugin_version\0", 28};
    Elf64_Sym symbol{};
    symbol.st_name = 13;
    symbol.st_shndx = 1;
    symbol.st_value = address + 4;
    const std::string symbols = bytes_of(Elf64_Sym{}) + bytes_of(symbol);
    Elf64_Ehdr header{};
    std::copy_n(ELFMAG, SELFMAG, reinterpret_cast<char *>(header.e_ident));
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = 4;
    std::array<Elf64_Shdr, 4> sections{};
    std::uint64_t offset = sizeof header;
    const auto place = [&](std::size_t index, unsigned type, const std::string & content) {
        sections.at(index).sh_type = type;
        sections.at(index).sh_offset = offset;
        sections.at(index).sh_size = content.size();
        offset += content.size();
    };
    place(1, SHT_PROGBITS, data);
    place(2, SHT_STRTAB, names);
    place(3, SHT_DYNSYM, symbols);
    sections[1].sh_addr = address;
    sections[3].sh_link = 2;
    header.e_shoff = offset;
    std::string table;
    for (const Elf64_Shdr & section : sections) table += bytes_of(section);
    return bytes_of(header) + data + names + symbols + table;
}

} // namespace

TEST_CASE("the plugin is found in plugstack.conf by its name, at whatever place") {
    const auto [text, path] = GENERATE(table<const char *, const char *>({
        {"required /opt/lib/shifter_slurm.so shifter_config=/x\n", "/opt/lib/shifter_slurm.so"},
        {"# required /a/shifter_slurm.so\noptional\tshifter_slurm.so\n", "shifter_slurm.so"},
        {"include /etc/slurm/plugstack.conf.d/*\nrequired /a/other.so\n", ""},
        {"required /a/my_shifter_slurm.so\n", ""},
        {"", ""},
    }));
    CHECK(plugin_in_plugstack(text).value_or("") == path);
}

TEST_CASE("Slurm's version is a number in its own format") {
    const auto [text, number] = GENERATE(table<const char *, unsigned>({
        {"slurm-wlm 22.05.8\n", 0x160508},
        {"slurm 23.11.0-0rc1", 0x170b00},
        {"slurm 24.05", 0x180500},
        {"slurm", 0},
        {"command not found", 0},
        {"slurm 300.05.1", 0},
    }));
    CHECK(slurm_version_number(text).value_or(0) == number);
}

TEST_CASE("a node without Slurm needs no plugin, and a plugin that is no shared object is refused") {
    const shifter::test::ScratchDirectory scratch;
    (void)scratch.write("slurm.conf", "");
    CHECK(examine_slurm(scratch.path(), "/p/shifter_slurm.so").advice ==
          "add to " + scratch.path() + "/plugstack.conf: required /p/shifter_slurm.so");
    const std::string plugin = scratch.write("shifter_slurm.so", "text");
    (void)scratch.write("plugstack.conf", "required " + plugin + "\n");
    CHECK(examine_slurm(scratch.path(), plugin).what == plugin + " is not a plugin of Slurm");
    (void)scratch.write("plugstack.conf", "required /nonexistent/shifter_slurm.so\n");
    CHECK(examine_slurm(scratch.path(), plugin).what ==
          scratch.path() + "/plugstack.conf names /nonexistent/shifter_slurm.so, which cannot be read");
}

TEST_CASE("the plugin is found in what plugstack.conf includes, also where files include each other") {
    const shifter::test::ScratchDirectory scratch;
    (void)scratch.write("slurm.conf", "");
    const std::string plugin = scratch.write("shifter_slurm.so", "text");
    (void)scratch.write("plugstack.conf", "include " + scratch.path() + "/more-*.conf\ninclude nothing-*.conf\n");
    CHECK(examine_slurm(scratch.path(), plugin).advice ==
          "add to " + scratch.path() + "/plugstack.conf: required " + plugin);
    (void)scratch.write("more-1.conf", "include plugstack.conf\ninclude more-2.conf\ninclude /\n");
    CHECK(examine_slurm(scratch.path(), plugin).what ==
          scratch.path() + "/plugstack.conf does not name shifter_slurm.so, so jobs have no --image");
    (void)scratch.write("more-2.conf", "required /nonexistent/shifter_slurm.so\n");
    CHECK(examine_slurm(scratch.path(), plugin).what ==
          scratch.path() + "/more-2.conf names /nonexistent/shifter_slurm.so, which cannot be read");
    (void)scratch.write("more-2.conf", "required " + plugin + "\n");
    CHECK(examine_slurm(scratch.path(), plugin).what == plugin + " is not a plugin of Slurm");
}

TEST_CASE("R16: a hundred files that plugstack.conf includes are read, and no more") {
    const shifter::test::ScratchDirectory scratch;
    (void)scratch.write("slurm.conf", "");
    const std::string plugin = scratch.write("shifter_slurm.so", "text");
    (void)scratch.write("plugstack.conf", "include more-*.conf\n");
    for (int i = 101; i <= 201; ++i) (void)scratch.write("more-" + std::to_string(i) + ".conf", "");
    (void)scratch.write("more-201.conf", "required " + plugin + "\n");
    CHECK(examine_slurm(scratch.path(), plugin).what ==
          scratch.path() + "/plugstack.conf does not name shifter_slurm.so, so jobs have no --image");
    (void)scratch.write("more-200.conf", "required " + plugin + "\n");
    CHECK(examine_slurm(scratch.path(), plugin).what == plugin + " is not a plugin of Slurm");
}

TEST_CASE("R16: a plugin has at most 64 MiB") {
    const shifter::test::ScratchDirectory scratch;
    (void)scratch.write("slurm.conf", "");
    const std::string plugin = scratch.write("shifter_slurm.so", shared_object());
    (void)scratch.write("plugstack.conf", "required " + plugin + "\n");
    REQUIRE(::truncate(plugin.c_str(), 64 << 20) == 0);
    CHECK_THAT(examine_slurm(scratch.path(), plugin).what, Catch::Contains("22.05"));
    REQUIRE(::truncate(plugin.c_str(), (64 << 20) + 1) == 0);
    CHECK_THROWS_WITH(examine_slurm(scratch.path(), plugin), "\"" + plugin + "\" has more than 67108864 bytes");
}

TEST_CASE("a number is read out of a shared object, and one that is cut anywhere gives none") {
    const std::string file = shared_object();
    CHECK(number_of_symbol(file, "plugin_version") == 0x160508U);
    CHECK_FALSE(number_of_symbol(file, "plugin_versio"));
    CHECK_FALSE(number_of_symbol(file, "version"));
    for (std::size_t size = 0; size < file.size(); ++size)
        CHECK_FALSE(number_of_symbol(file.substr(0, size), "plugin_version"));
    std::string other = file;
    other[EI_CLASS] = ELFCLASS32;
    CHECK_FALSE(number_of_symbol(other, "plugin_version"));
}
