// WWW-Authenticate: each challenge that is read is written as a header that is read as the same challenge.
#include "registry/www_authenticate.hpp"

#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

using namespace shifter::registry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    const auto challenges = parse_www_authenticate({reinterpret_cast<const char *>(data), size});
    if (!challenges) return 0;
    if (challenges->empty()) std::abort();
    for (const Challenge & challenge : *challenges) {
        std::set<std::string> names;
        for (const auto & [name, value] : challenge.parameters) {
            if (!names.insert(name).second) std::abort();
            for (const char c : value)
                if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
        }
        const auto again = parse_www_authenticate(challenge.to_string());
        // Escapes can make the written form longer than the limit on what is read.
        if (challenge.to_string().size() <= 8192 && (!again || again->size() != 1 || again->front() != challenge))
            std::abort();
    }
    return 0;
}
