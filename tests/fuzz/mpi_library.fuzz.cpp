// An image's library, as shifter-mpi looks at it: any bytes give an answer within the limits, the same one each time,
// and no library is exchanged for one that lacks a symbol of it.
#include "mpi/exchange.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    using namespace shifter::mpi;
    const std::string_view bytes{reinterpret_cast<const char *>(data), size};
    const auto image = read_elf(bytes, is_mpi_symbol);
    const auto again = read_elf(bytes, is_mpi_symbol);
    if (image.has_value() != again.has_value()) std::abort();
    if (!image) return 0;
    if (image->symbols != again->symbols || image->symbols.size() > max_elf_symbols) std::abort();
    for (const std::string & symbol : image->symbols)
        if (symbol.size() > 2 * max_elf_name + 1) std::abort();
    Library node{"/node", *image};
    if (node.elf.soname.empty()) node.elf.soname = "libmpi.so.12";
    const FindInImage find = [&](const std::string &) { return std::optional<Library>{{"/image", *image}}; };
    const bool same = decide(std::nullopt, {node}, find).exchange;
    if (same && !node.elf.symbols.empty()) {
        node.elf.symbols.erase(node.elf.symbols.begin());
        // A library of no version may stand beside the same symbol with one.
        if (image->versions.empty() && decide(std::nullopt, {node}, find).exchange) std::abort();
    }
    return 0;
}
