/**
 * @file
 * Index, manifest and config of an image: text in, values out, within limits (I27).
 *
 * Formats: OCI Image Specification v1.1 ("Image Index", "Image Manifest", "Image Configuration") and Docker Image
 * Manifest Version 2, Schema 2 with its manifest list. Schema 1 is refused in words.
 */
#pragma once

#include "base/digest.hpp"
#include "base/expected.hpp"
#include "base/platform.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace shifter::oci {

/** Content by digest, size and media type. */
struct Descriptor {
    std::string media_type;
    Digest digest;
    std::uint64_t size_bytes = 0;
    std::optional<Platform> platform; ///< only in an index
    bool operator==(const Descriptor &) const = default;
};

enum class LayerCompression { none, gzip, zstd };

/** The compression that a layer's media type states; nothing for a type that is no (supported) layer. */
[[nodiscard]] std::optional<LayerCompression> layer_compression(std::string_view media_type);

struct Index {
    std::vector<Descriptor> manifests;
};

struct Manifest {
    Descriptor config;
    std::vector<Descriptor> layers; ///< lowest first
};

/** What a launch needs of the image's configuration. Lists keep their order; "absent" and "empty" are told apart. */
struct ImageConfig {
    Platform platform;
    std::string created; ///< RFC 3339, or empty
    std::vector<std::string> env;
    std::optional<std::vector<std::string>> entrypoint;
    std::optional<std::vector<std::string>> cmd;
    std::optional<std::string> workdir;
    std::optional<std::string> user;
    std::vector<std::pair<std::string, std::string>> labels;
    std::vector<std::string> volumes;
    std::vector<Digest> diff_ids; ///< lowest layer first, one for each layer of the manifest
    /** What made each of these layers, for people; empty where the configuration's history does not fit them. */
    std::vector<std::string> created_by{};
};

/** Limits on documents, each stated in the manual (R16). */
struct DocumentLimits {
    std::size_t max_bytes = 4U << 20U;
    std::size_t max_depth = 32;
    std::size_t max_layers = 1000;
    std::size_t max_manifests = 1000;
    std::size_t max_string_bytes = 1U << 20U;
    std::size_t max_values = 200'000; ///< objects, lists, texts, numbers: what a parsed document costs in memory
};

using IndexOrManifest = std::variant<Index, Manifest>;

/**
 * Reads an index or a manifest. The document's own mediaType, when present, must agree with `content_type` (the
 * registry's header, may be empty), and a document that could be read as both is refused (I27).
 */
[[nodiscard]] Expected<IndexOrManifest> parse_index_or_manifest(std::string_view json, std::string_view content_type,
                                                                const DocumentLimits & limits = {});
[[nodiscard]] Expected<ImageConfig> parse_image_config(std::string_view json, const DocumentLimits & limits = {});

/**
 * The manifest of `index` for `wanted`: same os and architecture, and the same variant where `wanted` has one (else the
 * first, with Docker's defaults: arm64 is v8, arm is v7). Attestations and unknown platforms never match.
 */
[[nodiscard]] std::optional<Descriptor> select_platform(const Index & index, const Platform & wanted);

} // namespace shifter::oci
