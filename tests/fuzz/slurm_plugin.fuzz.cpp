// What the doctor reads of Slurm: a shared object, plugstack.conf, a version. Any bytes give an answer, and the same one.
#include "doctor/checks.hpp"
#include "doctor/elf_symbol.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    using namespace shifter::doctor;
    const std::string_view bytes{reinterpret_cast<const char *>(data), size};
    const auto number = number_of_symbol(bytes, "plugin_version");
    if (number != number_of_symbol(bytes, "plugin_version")) std::abort();
    if (const auto path = plugin_in_plugstack(bytes))
        if (bytes.find(*path) == std::string_view::npos || path->find('\n') != std::string::npos) std::abort();
    if (const auto version = slurm_version_number(bytes); version && *version > 0xffffffU) std::abort();
    return 0;
}
