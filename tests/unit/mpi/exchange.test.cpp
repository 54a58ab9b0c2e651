#include "mpi/exchange.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace shifter::mpi;

namespace {

Library library(const std::string & folder, const std::string & soname, std::set<std::string> symbols = {},
                std::set<std::string> versions = {}) {
    Library made{folder + "/" + soname, {}};
    made.elf.soname = soname;
    made.elf.symbols = std::move(symbols);
    made.elf.versions = std::move(versions);
    return made;
}

struct Image {
    std::map<std::string, Library> libraries;
    void add(const Library & one) { libraries[one.elf.soname] = one; }
    [[nodiscard]] FindInImage find() const {
        return [this](const std::string & soname) -> std::optional<Library> {
            const auto found = libraries.find(soname);
            return found == libraries.end() ? std::nullopt : std::optional{found->second};
        };
    }
};

/** A node's MPI that needs a C library and one helper, and an image that it fits. */
struct Scene {
    std::vector<Library> node;
    Image image;
    Scene() {
        node.push_back(library("/node", "libmpi.so.12", {"MPI_Init", "MPI_Send", "MPI_New"}));
        node.push_back(library("/node", "libhelp.so.1", {}, {"HELP_1", "HELP_2"}));
        node[0].elf.needed = {"libhelp.so.1", "libc.so.6"};
        node[0].elf.needed_versions["libc.so.6"] = {"GLIBC_2.34"};
        image.add(library("/image", "libmpi.so.12", {"MPI_Init", "MPI_Send"}));
        image.add(library("/image", "libhelp.so.1", {}, {"HELP_1"}));
        image.add(library("/image", "libc.so.6", {}, {"GLIBC_2.2.5", "GLIBC_2.34"}));
    }
    [[nodiscard]] Verdict verdict(const std::optional<Library> & command = std::nullopt) const {
        return decide(command, node, image.find());
    }
};

Library program() {
    Library made{"/bin/app", {}};
    made.elf.interpreter = "/lib64/ld-linux-x86-64.so.2";
    made.elf.needed = {"libmpi.so.12", "libc.so.6"};
    return made;
}

void check_kept(const Verdict & verdict, const std::string & why) {
    CHECK_FALSE(verdict.exchange);
    REQUIRE(verdict.reasons.size() >= 2);
    CHECK(verdict.reasons[verdict.reasons.size() - 2] == why);
    CHECK(verdict.reasons.back() == "the image keeps its own MPI");
}

} // namespace

TEST_CASE("the node's MPI takes the place of one that it has all of") {
    const Scene scene;
    for (const auto & command : {std::optional<Library>{}, std::optional{program()}}) {
        const Verdict verdict = scene.verdict(command);
        CHECK(verdict.exchange);
        CHECK(verdict.reasons ==
              std::vector<std::string>{"/node/libmpi.so.12 in the place of /image/libmpi.so.12: one SONAME, and all of "
                                       "its 2 MPI symbols",
                                       "the node's MPI is used"});
    }
}

TEST_CASE("an image keeps an MPI that the node's does not cover") {
    Scene scene;
    SECTION("a symbol is missing") {
        scene.image.add(library("/image", "libmpi.so.12", {"MPI_Init", "MPI_Later", "MPI_Much_later"}));
        check_kept(scene.verdict(), "libmpi.so.12: the node's lacks MPI_Later and 1 more symbols of the image's");
    }
    SECTION("a symbol has another version") {
        scene.image.add(library("/image", "libmpi.so.12", {"MPI_Init@MPICH_1"}));
        check_kept(scene.verdict(), "libmpi.so.12: the node's lacks MPI_Init@MPICH_1 of the image's");
    }
    SECTION("a version is missing") {
        scene.image.add(library("/image", "libmpi.so.12", {}, {"MPICH_1"}));
        check_kept(scene.verdict(), "libmpi.so.12: the node's does not define version MPICH_1, as the image's does");
    }
    SECTION("the SONAME is another") {
        scene.image.libraries.erase("libmpi.so.12");
        scene.image.add(library("/image", "libmpi.so.40"));
        check_kept(scene.verdict(), "the image has no library of the node's MPI (libmpi.so.12)");
    }
    SECTION("a library that would be shadowed has more versions") {
        scene.image.add(library("/image", "libhelp.so.1", {}, {"HELP_3"}));
        check_kept(scene.verdict(), "libhelp.so.1: the node's does not define version HELP_3, as the image's does");
    }
    SECTION("it is for another machine") {
        scene.image.libraries["libmpi.so.12"].elf.machine = 183;
        check_kept(scene.verdict(), "libmpi.so.12: the image's is for another kind of machine");
    }
}

TEST_CASE("an image without what the node's libraries need keeps its own MPI") {
    Scene scene;
    SECTION("an older C library") {
        scene.image.add(library("/image", "libc.so.6", {}, {"GLIBC_2.2.5"}));
        check_kept(scene.verdict(), "libmpi.so.12 of the node needs GLIBC_2.34 of libc.so.6, which the image's "
                                    "(/image/libc.so.6) does not define");
    }
    SECTION("another C library") {
        scene.image.libraries.erase("libc.so.6");
        check_kept(scene.verdict(), "libmpi.so.12 of the node needs libc.so.6, which the image does not have");
    }
}

TEST_CASE("a command that cannot load the node's MPI keeps its own") {
    const Scene scene;
    Library command = program();
    SECTION("static") {
        command.elf.interpreter.clear();
        check_kept(scene.verdict(command), "/bin/app is static: no library is loaded");
    }
    SECTION("musl") {
        command.elf.interpreter = "/lib/ld-musl-x86_64.so.1";
        check_kept(scene.verdict(command), "/bin/app is for the C library musl, and the node's MPI is for glibc");
    }
    SECTION("another MPI") {
        command.elf.needed = {"libmpi.so.40"};
        check_kept(scene.verdict(command),
                   "/bin/app needs libmpi.so.40, and the node's MPI is another: it has no library of that SONAME");
    }
    SECTION("DT_RPATH") {
        command.elf.rpath = {"/image"};
        check_kept(scene.verdict(command), "/bin/app names /image as DT_RPATH, which comes before LD_LIBRARY_PATH");
        command.elf.runpath = {"/image"};
        CHECK(scene.verdict(command).exchange);
    }
}

TEST_CASE("a symbol without a version is found with any") {
    Scene scene;
    scene.node[0].elf.symbols = {"MPI_Init@MPICH_1", "MPI_Send@MPICH_1"};
    CHECK(scene.verdict().exchange);
    scene.node[0].elf.symbols = {"MPI_Init@MPICH_1", "MPI_Sendrecv@MPICH_1"};
    CHECK_FALSE(scene.verdict().exchange);
}

TEST_CASE("MPI libraries and symbols are told by their names") {
    const auto [soname, is] = GENERATE(table<std::string, bool>({{"libmpi.so.12", true},
                                                                 {"libmpich.so.12", true},
                                                                 {"libmpifort.so.12", true},
                                                                 {"libm.so.6", false},
                                                                 {"libmpi", false},
                                                                 {"", false}}));
    CHECK(is_mpi_library(soname) == is);
    const auto [name, kept] = GENERATE(table<std::string, bool>({{"MPI_Init", true},
                                                                 {"PMPI_Init", true},
                                                                 {"mpi_init_", true},
                                                                 {"pmpi_init_", true},
                                                                 {"MPIX_Threads", true},
                                                                 {"ompi_mpi_int", true},
                                                                 {"printf", false},
                                                                 {"", false},
                                                                 {"P", false}}));
    CHECK(is_mpi_symbol(name) == kept);
}
