// What --mount accepts is exactly one user's volume, and nothing of the text became another entry or flag (I16).
#include "frontend/mount_option.hpp"
#include "site/volume_map.hpp"

#include <cstdint>
#include <cstdlib>

using namespace shifter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    const auto entry = frontend::volume_of_mount_option(text);
    if (!entry) {
        if (entry.error().what.empty()) std::abort();
        return 0;
    }
    const auto volumes = parse_volume_map(*entry, VolumeOwner::user);
    if (!volumes || volumes->size() != 1) std::abort();
    const Volume & volume = volumes->front();
    if (volume.recursive || volume.cache || volume.propagation != Propagation::site_default) std::abort();
    if (refuse_destination(volume.to, VolumeOwner::user)) std::abort();
    return 0;
}
