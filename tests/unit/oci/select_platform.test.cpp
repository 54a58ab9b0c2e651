#include "oci/manifest.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace shifter;
using namespace shifter::oci;

namespace {

Platform platform(const std::string & text) {
    auto parsed = Platform::parse(text);
    REQUIRE(parsed);
    return *parsed;
}

/** An index with one manifest for each platform; the size says which one it is. */
Index index_of(const std::vector<std::string> & platforms) {
    Index index;
    for (const std::string & text : platforms) {
        const auto digest = Digest::parse("sha256:" + std::string(64, 'a'));
        Descriptor descriptor{"application/vnd.oci.image.manifest.v1+json", *digest, index.manifests.size(),
                              std::nullopt};
        if (!text.empty()) descriptor.platform = platform(text);
        index.manifests.push_back(descriptor);
    }
    return index;
}

} // namespace

TEST_CASE("the manifest for a platform is picked from an index, by variant where one is wanted") {
    using Platforms = std::vector<std::string>;
    auto [offered, wanted, chosen] = GENERATE(table<Platforms, std::string, int>({
        {{"linux/amd64", "linux/arm64/v8"}, "amd64", 0},
        {{"linux/amd64", "linux/arm64/v8"}, "arm64", 1},
        {{"linux/amd64", "linux/arm64"}, "aarch64", 1},
        {{"windows/amd64", "linux/amd64"}, "linux/amd64", 1},
        {{"linux/arm/v5", "linux/arm/v6", "linux/arm/v7"}, "linux/arm", 2},
        {{"linux/arm/v5", "linux/arm/v6", "linux/arm/v7"}, "linux/arm/v6", 1},
        {{"linux/arm/v5", "linux/arm/v6"}, "linux/arm", 0},
        {{"linux/arm/v5", "linux/arm/v6"}, "linux/arm/v7", -1},
        {{"linux/amd64/v3", "linux/amd64"}, "amd64", 1},
        {{"linux/amd64/v3"}, "amd64", 0},
        {{"linux/amd64", "linux/amd64"}, "amd64", 0},
        {{"linux/s390x"}, "amd64", -1},
        {{}, "amd64", -1},
    }));
    INFO(wanted);
    const auto choice = select_platform(index_of(offered), platform(wanted));
    CHECK((choice ? static_cast<int>(choice->size_bytes) : -1) == chosen);
}

TEST_CASE("attestations and entries without a platform are never an image for a machine") {
    CHECK_FALSE(select_platform(index_of({"unknown/unknown", ""}), platform("amd64")));
}
