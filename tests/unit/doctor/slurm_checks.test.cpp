#include "doctor/checks.hpp"
#include "doctor/elf_symbol.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

using namespace shifter::doctor;

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

TEST_CASE("a number is read out of a shared object, and a file that is cut anywhere gives none") {
    std::stringstream self;
    self << std::ifstream{"/lib/x86_64-linux-gnu/libc.so.6", std::ios::binary}.rdbuf();
    const std::string file = self.str();
    if (file.empty()) return; // another machine's libc lies elsewhere
    CHECK(number_of_symbol(file, "_IO_stdin_used").has_value() == false);
    CHECK_FALSE(number_of_symbol(file, "no_such_symbol"));
    for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{63}, std::size_t{64}, file.size() / 2})
        CHECK_FALSE(number_of_symbol(file.substr(0, size), "h_errlist"));
    CHECK_FALSE(number_of_symbol("\x7f" "ELF", "x"));
}
