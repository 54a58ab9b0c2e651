// What is accepted is what would be written: one message for each request, and none that means two things.
#include "request/run_request.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    const std::string_view bytes{reinterpret_cast<const char *>(data), size};
    const auto request = shifter::decode(bytes);
    if (!request) return 0;
    if (bytes.size() > shifter::max_request_bytes || shifter::encode(*request) != bytes) std::abort();
    for (const std::string & word : request->command)
        if (word.find('\0') != std::string::npos) std::abort();
    return 0;
}
