// The images of a job by platform: a user's variable, and a lookup's lines. What is read is written and read back as it was.
#include "frontend/platform_images.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    using namespace shifter::frontend;
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    const auto images = parse_platform_images(text);
    if (images && parse_platform_images(to_string(*images)) != images) std::abort();
    const PlatformImages found = platform_images_of_lookup(text);
    const auto again = parse_platform_images(to_string(found));
    if (to_string(found).size() <= (64U << 10U) && (!again || *again != found)) std::abort();
    return 0;
}
