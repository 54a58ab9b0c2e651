#include "mpi/elf_file.hpp"
#include "mpi/search.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <iterator>

using namespace shifter;
using namespace shifter::mpi;

namespace {

std::string content(const std::string & path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
}

bool everything(std::string_view) { return true; }

const std::string corpus = SHIFTER_SOURCE_DIR "/tests/fuzz/corpus/mpi_library/";

} // namespace

TEST_CASE("a library is read as a loader reads it") {
    const auto plain = read_elf(content(corpus + "plain.so"), is_mpi_symbol).value_or_throw("plain.so");
    CHECK(plain.soname == "libmpi.so.12");
    CHECK(plain.interpreter.empty());
    CHECK(plain.symbols == std::set<std::string>{"MPI_Init", "PMPI_Init", "ompi_mpi_comm_world"});
    CHECK(plain.versions.empty());
    const auto versions = read_elf(content(corpus + "versions.so"), is_mpi_symbol).value_or_throw("versions.so");
    CHECK(versions.versions == std::set<std::string>{"MPICH_1"});
    CHECK(versions.symbols.count("MPI_Init@MPICH_1") == 1);
    CHECK(versions.runpath == std::vector<std::string>{"/a", "/b"});
    CHECK(versions.rpath.empty());
}

TEST_CASE("a program names its loader, its libraries and their versions") {
    const auto program = read_elf(content(corpus + "program"), is_mpi_symbol).value_or_throw("program");
    CHECK(program.interpreter == "/lib64/ld-linux-x86-64.so.2");
    CHECK(program.needed == std::vector<std::string>{"libmpi.so.12", "libc.so.6"});
    CHECK(program.needed_versions.at("libmpi.so.12") == std::set<std::string>{"MPICH_1"});
    CHECK(program.needed_versions.at("libc.so.6").count("GLIBC_2.2.5") == 1);
}

TEST_CASE("I20: a file that is cut anywhere is refused or read, and never read beyond its end") {
    const std::string whole = content(corpus + "versions.so");
    std::size_t refused = 0;
    for (std::size_t size = 0; size < whole.size(); size += 7) {
        // A copy of just that size: the sanitizers see what is behind it.
        const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        if (!read_elf({cut.data(), cut.size()}, everything)) ++refused;
    }
    CHECK(refused > whole.size() / 7 - 2); // the section headers stand at its end
}

TEST_CASE("what is no library for this machine is refused with the reason") {
    CHECK(read_elf("#!/bin/sh\n" + std::string(200, ' '), everything).error().what == "it is no ELF file");
    std::string narrow = content(corpus + "plain.so");
    narrow[EI_CLASS] = ELFCLASS32;
    CHECK(read_elf(narrow, everything).error().what == "it is not for 64 bits in this byte order");
    std::string bare = content(corpus + "plain.so");
    std::memset(bare.data() + offsetof(Elf64_Ehdr, e_shnum), 0, sizeof(Elf64_Half));
    CHECK(read_elf(bare, everything).error().what == "it has no section headers");
}

TEST_CASE("libraries are found in the order of the directories, and what no loader takes is passed over") {
    const test::ScratchDirectory scratch;
    std::ofstream{scratch.path() + "/libmpi.so.12"} << "text";
    CHECK_FALSE(find_library("libmpi.so.12", {"/nowhere", scratch.path()}));
    std::ofstream{scratch.path() + "/libmpi.so.12", std::ios::binary} << content(corpus + "plain.so");
    const auto found = find_library("libmpi.so.12", {"/nowhere", scratch.path()});
    REQUIRE(found);
    CHECK(found->path == scratch.path() + "/libmpi.so.12");
    CHECK_THROWS_WITH(read_library(scratch.path()), Catch::Contains("is no file"));
    const auto folders = library_directories("/a::/b");
    REQUIRE(folders.size() > 3);
    CHECK(folders[0] == "/a");
    CHECK(folders[1] == "/b");
    CHECK(find_command("sh", "/nowhere:/bin") == "/bin/sh");
    CHECK(find_command("./sh", "/bin") == "./sh");
    CHECK_FALSE(find_command("sh", "/nowhere"));
}
