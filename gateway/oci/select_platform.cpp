#include "oci/manifest.hpp"

namespace shifter::oci {
namespace {

/** Docker's defaults: who says arm64 means v8, who says arm means v7 (containerd, platforms.Normalize). */
std::string effective_variant(const Platform & platform) {
    if (!platform.variant.empty()) return platform.variant;
    if (platform.architecture == "arm64") return "v8";
    if (platform.architecture == "arm") return "v7";
    return {};
}

} // namespace

std::optional<Descriptor> select_platform(const Index & index, const Platform & wanted) {
    const Descriptor * first = nullptr;
    for (const Descriptor & candidate : index.manifests) {
        if (!candidate.platform) continue;
        const Platform & offered = *candidate.platform;
        if (offered.os != wanted.os || offered.architecture != wanted.architecture) continue;
        if (effective_variant(offered) == effective_variant(wanted)) return candidate;
        if (first == nullptr) first = &candidate;
    }
    // Who named no variant takes what there is; who named one runs only that.
    if (first == nullptr || !wanted.variant.empty()) return std::nullopt;
    return *first;
}

} // namespace shifter::oci
