// Index, manifest and configuration. The first line may state the content type; the rest is the document.
#include "oci/manifest.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace shifter::oci;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void check(const Descriptor & descriptor) {
    require(descriptor.size_bytes <= static_cast<std::uint64_t>(INT64_MAX));
    require(shifter::Digest::parse(descriptor.digest.to_string()).has_value());
}

void check(const IndexOrManifest & document, const DocumentLimits & limits) {
    if (const auto * const index = std::get_if<Index>(&document)) {
        require(index->manifests.size() <= limits.max_manifests);
        for (const Descriptor & descriptor : index->manifests) check(descriptor);
        const shifter::Platform wanted{"linux", "amd64", ""};
        const auto choice = select_platform(*index, wanted);
        if (choice)
            require(choice->platform && choice->platform->os == "linux" && choice->platform->architecture == "amd64");
        return;
    }
    const auto & manifest = std::get<Manifest>(document);
    check(manifest.config);
    require(manifest.layers.size() <= limits.max_layers);
    for (const Descriptor & layer : manifest.layers) {
        check(layer);
        require(layer_compression(layer.media_type).has_value());
    }
}

bool has_zero(std::string_view text) { return text.find('\0') != std::string_view::npos; }

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    const std::string_view all{reinterpret_cast<const char *>(data), size};
    DocumentLimits limits;
    limits.max_bytes = 1U << 16U;
    const std::size_t line = all.find('\n');
    const bool typed = line != std::string_view::npos && line > 0 && all.front() == 'a';
    const std::string_view type = typed ? all.substr(0, line) : std::string_view{};
    const std::string_view json = typed ? all.substr(line + 1) : all;

    const auto document = parse_index_or_manifest(json, type, limits);
    require(document || !document.error().what.empty());
    if (document) {
        require(json.size() <= limits.max_bytes);
        check(*document, limits);
        // The header can only take away: without it, the document is read as the same thing or was told apart by it.
        const auto plain = parse_index_or_manifest(json, "", limits);
        if (plain) require(plain->index() == document->index());
    }
    const auto config = parse_image_config(json, limits);
    if (config) {
        require(config->diff_ids.size() <= limits.max_layers);
        for (const std::string & variable : config->env) require(!has_zero(variable));
        for (const auto & [name, value] : config->labels) require(!has_zero(name) && !has_zero(value));
        for (const std::string & volume : config->volumes) require(!has_zero(volume));
        if (config->workdir) require(!has_zero(*config->workdir));
    }
    return 0;
}
