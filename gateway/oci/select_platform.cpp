#include "oci/manifest.hpp"

namespace shifter::oci {

std::optional<Descriptor> select_platform(const Index & index, const Platform & wanted) {
    std::vector<const Descriptor *> candidates;
    std::vector<Platform> offered;
    for (const Descriptor & candidate : index.manifests) {
        if (!candidate.platform) continue;
        candidates.push_back(&candidate);
        offered.push_back(*candidate.platform);
    }
    const auto choice = choose_platform(offered, wanted);
    return choice ? std::optional{*candidates[*choice]} : std::nullopt;
}

} // namespace shifter::oci
