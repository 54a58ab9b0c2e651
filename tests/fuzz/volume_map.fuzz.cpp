// The canonical text of a map reads back to the same canonical text, and no destination is a forbidden one (I12, I16).
#include "site/volume_map.hpp"

#include <cstdint>
#include <cstdlib>

using namespace shifter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    for (const VolumeOwner owner : {VolumeOwner::user, VolumeOwner::site}) {
        const auto volumes = parse_volume_map(text, owner);
        if (!volumes) {
            if (volumes.error().offset > size || volumes.error().what.empty()) std::abort();
            continue;
        }
        for (const Volume & volume : *volumes) {
            if (refuse_destination(volume.to, owner) || volume.to.components().empty()) std::abort();
            if (ContainerPath::parse(volume.to.to_string()) != volume.to || !volume.to.is_at_or_below(volume.to))
                std::abort();
        }
        const std::string signature = volume_signature(*volumes);
        const auto again = parse_volume_map(signature, owner);
        if (!again || volume_signature(*again) != signature || again->size() != volumes->size()) std::abort();
    }
    if (const auto path = ContainerPath::parse(text)) {
        if (ContainerPath::parse(path->to_string()) != *path) std::abort();
        for (const std::string_view part : path->components())
            if (part.empty() || part == "." || part == "..") std::abort();
    }
    return 0;
}
