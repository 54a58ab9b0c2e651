#include "oci/manifest.hpp"

#include "base/text.hpp"
#include "oci/json_limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace shifter::oci {
namespace {

using Json = nlohmann::json;

/** Ends the reading of a document from any depth; the two public parsers turn it into a ParseError. */
class Refused : public Error {
public:
    using Error::Error;
};

enum class Kind { index, manifest, schema_1 };

struct KindName {
    std::string_view media_type;
    Kind kind;
};
constexpr std::array kind_names = {
    KindName{"application/vnd.oci.image.index.v1+json", Kind::index},
    KindName{"application/vnd.docker.distribution.manifest.list.v2+json", Kind::index},
    KindName{"application/vnd.oci.image.manifest.v1+json", Kind::manifest},
    KindName{"application/vnd.docker.distribution.manifest.v2+json", Kind::manifest},
    KindName{"application/vnd.docker.distribution.manifest.v1+json", Kind::schema_1},
    KindName{"application/vnd.docker.distribution.manifest.v1+prettyjws", Kind::schema_1},
};

struct LayerType {
    std::string_view media_type;
    LayerCompression compression;
};
// Non-distributable and foreign layers are ordinary ones where the registry has them; their `urls` are never followed.
constexpr std::array layer_types = {
    LayerType{"application/vnd.oci.image.layer.v1.tar", LayerCompression::none},
    LayerType{"application/vnd.oci.image.layer.v1.tar+gzip", LayerCompression::gzip},
    LayerType{"application/vnd.oci.image.layer.v1.tar+zstd", LayerCompression::zstd},
    LayerType{"application/vnd.oci.image.layer.nondistributable.v1.tar", LayerCompression::none},
    LayerType{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", LayerCompression::gzip},
    LayerType{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", LayerCompression::zstd},
    LayerType{"application/vnd.docker.image.rootfs.diff.tar", LayerCompression::none},
    LayerType{"application/vnd.docker.image.rootfs.diff.tar.gzip", LayerCompression::gzip},
    LayerType{"application/vnd.docker.image.rootfs.diff.tar.zstd", LayerCompression::zstd},
    LayerType{"application/vnd.docker.image.rootfs.foreign.diff.tar", LayerCompression::none},
    LayerType{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", LayerCompression::gzip},
};

// The last one is what Docker wrote before 1.10.
constexpr std::array<std::string_view, 3> config_types = {"application/vnd.oci.image.config.v1+json",
                                                          "application/vnd.docker.container.image.v1+json",
                                                          "application/octet-stream"};
// What registries say when they say nothing.
constexpr std::array<std::string_view, 4> silent_types = {"application/json", "application/octet-stream",
                                                          "binary/octet-stream", "text/plain"};

Json parse_object(std::string_view text, const DocumentLimits & limits) {
    if (const auto refusal = refuse_json(text, limits)) throw Refused{refusal->what};
    Json document = Json::parse(text.begin(), text.end(), nullptr, false);
    if (!document.is_object()) throw Refused{"it is not a JSON object"};
    return document;
}

/** The value under `name`; a null is as good as none, as Go's writers have it. */
const Json * find(const Json & object, const char * name) {
    const auto place = object.find(name);
    return place == object.end() || place->is_null() ? nullptr : &*place;
}

std::string text_of(const Json & value, const std::string & what) {
    if (!value.is_string()) throw Refused{what + " is not a text"};
    const auto & text = value.get_ref<const std::string &>();
    // No field of an image may hold one: they become arguments, variables, paths and lines.
    if (text.find('\0') != std::string::npos) throw Refused{what + " has a zero byte"};
    return text;
}

std::optional<std::string> optional_text(const Json & object, const char * name) {
    const Json * const value = find(object, name);
    if (value == nullptr) return std::nullopt;
    return text_of(*value, shifter::quoted(name));
}

std::string required_text(const Json & object, const char * name, const std::string & of) {
    const Json * const value = find(object, name);
    if (value == nullptr) throw Refused{of + " has no " + shifter::quoted(name)};
    return text_of(*value, shifter::quoted(name) + " of " + of);
}

const Json & required_list(const Json & object, const char * name, std::size_t max_size) {
    const Json * const value = find(object, name);
    if (value == nullptr || !value->is_array()) throw Refused{"it has no list " + shifter::quoted(name)};
    if (value->size() > max_size)
        throw Refused{"it has " + std::to_string(value->size()) + " " + name + ", more than " +
                      std::to_string(max_size)};
    return *value;
}

std::optional<std::vector<std::string>> optional_texts(const Json & object, const char * name) {
    const Json * const value = find(object, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_array()) throw Refused{shifter::quoted(name) + " is not a list"};
    std::vector<std::string> texts;
    for (const Json & item : *value) texts.push_back(text_of(item, "an item of " + shifter::quoted(name)));
    return texts;
}

/** Docker reads a single text as a list of one (its type StrSlice), and images with one exist. */
std::optional<std::vector<std::string>> optional_command(const Json & object, const char * name) {
    const Json * const value = find(object, name);
    if (value != nullptr && value->is_string()) return std::vector{text_of(*value, shifter::quoted(name))};
    return optional_texts(object, name);
}

Digest digest_in(const std::string & text, const std::string & of) {
    auto digest = Digest::parse(text);
    if (!digest) throw Refused{of + " has the digest " + shifter::quoted(text) + ": " + digest.error().what};
    return *std::move(digest);
}

Platform platform_in(const Json & object, const std::string & of) {
    constexpr std::size_t max_length = 255;
    Platform platform;
    platform.os = required_text(object, "os", of);
    platform.architecture = required_text(object, "architecture", of);
    platform.variant = optional_text(object, "variant").value_or("");
    if (platform.to_string().size() > max_length)
        throw Refused{"the platform of " + of + " is longer than any known one"};
    return platform;
}

Descriptor descriptor_in(const Json & object, const std::string & what) {
    if (!object.is_object()) throw Refused{what + " is not an object"};
    const std::string media_type = required_text(object, "mediaType", what);
    const Digest digest = digest_in(required_text(object, "digest", what), what);
    const Json * const size = find(object, "size");
    if (size == nullptr || !size->is_number_unsigned()) throw Refused{what + " has no size in whole bytes"};
    const auto bytes = size->get<std::uint64_t>();
    if (bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        throw Refused{what + " has the impossible size " + std::to_string(bytes)};
    Descriptor descriptor{media_type, digest, bytes, std::nullopt};
    if (const Json * const platform = find(object, "platform")) {
        if (!platform->is_object()) throw Refused{"the platform of " + what + " is not an object"};
        descriptor.platform = platform_in(*platform, what);
    }
    return descriptor;
}

std::optional<Kind> kind_of(std::string_view media_type) {
    for (const KindName & name : kind_names)
        if (name.media_type == media_type) return name.kind;
    return std::nullopt;
}

/** What the header says, without parameters; empty when it does not name a type of document. */
std::string stated_type(std::string_view content_type) {
    std::string type = text::to_lower(text::trim(content_type.substr(0, content_type.find(';'))));
    if (std::find(silent_types.begin(), silent_types.end(), type) != silent_types.end()) type.clear();
    return type;
}

/**
 * Index or manifest? By the type that header and document agree on, and by their fields; all must say the same (I27).
 * Names are compared without case where they decide, since other readers (Go's) do not tell "Layers" from "layers".
 */
Kind decide_kind(const Json & document, const std::string & stated) {
    constexpr std::array<std::string_view, 5> deciding = {"manifests", "layers", "config", "mediaType",
                                                          "schemaVersion"};
    for (const auto & item : document.items())
        for (const std::string_view name : deciding)
            if (item.key() != name && text::to_lower(item.key()) == text::to_lower(name))
                throw Refused{"the name " + shifter::quoted(item.key()) + " in it can be read in two ways"};
    const bool has_manifests = document.contains("manifests");
    const bool has_layers = document.contains("layers") || document.contains("config");
    const std::string own = optional_text(document, "mediaType").value_or("");
    if (!own.empty() && !stated.empty() && own != stated)
        throw Refused{"the registry says that it is " + shifter::quoted(stated) + ", and it says that it is " +
                      shifter::quoted(own)};
    const std::string & type = own.empty() ? stated : own;
    const Json * const version = find(document, "schemaVersion");
    if (kind_of(type) == Kind::schema_1 || (version != nullptr && *version == 1))
        throw Refused{"it uses the schema 1 format, which was given up in 2017 and names no digest of a whole image; "
                      "push the image again with a current tool"};
    if (version == nullptr || *version != 2) throw Refused{"its \"schemaVersion\" is not 2"};
    if (has_manifests && has_layers) throw Refused{"it can be read as an index and as a manifest"};
    const Kind by_fields = has_manifests ? Kind::index : Kind::manifest;
    if (type.empty()) return by_fields;
    const auto by_type = kind_of(type);
    if (!by_type) throw Refused{"it is of type " + shifter::quoted(type) + ", which is not an image"};
    if (by_type != by_fields) throw Refused{"its type " + shifter::quoted(type) + " does not fit its fields"};
    return by_fields;
}

Index index_in(const Json & document, const DocumentLimits & limits) {
    Index index;
    for (const Json & item : required_list(document, "manifests", limits.max_manifests))
        index.manifests.push_back(descriptor_in(item, "manifest " + std::to_string(index.manifests.size() + 1)));
    return index;
}

Manifest manifest_in(const Json & document, const DocumentLimits & limits) {
    const Json * const config = find(document, "config");
    if (config == nullptr) throw Refused{"it has no \"config\""};
    Manifest manifest{descriptor_in(*config, "the config"), {}};
    const std::string & type = manifest.config.media_type;
    if (std::find(config_types.begin(), config_types.end(), type) == config_types.end())
        throw Refused{"it is not a container image: its config is of type " + shifter::quoted(type)};
    for (const Json & item : required_list(document, "layers", limits.max_layers)) {
        const std::string what = "layer " + std::to_string(manifest.layers.size() + 1);
        manifest.layers.push_back(descriptor_in(item, what));
        if (!layer_compression(manifest.layers.back().media_type))
            throw Refused{what + " is of type " + shifter::quoted(manifest.layers.back().media_type) +
                          ", which cannot be unpacked"};
    }
    return manifest;
}

void read_settings(const Json & settings, ImageConfig & config) {
    if (!settings.is_object()) throw Refused{"\"config\" is not an object"};
    config.env = optional_texts(settings, "Env").value_or(std::vector<std::string>{});
    config.entrypoint = optional_command(settings, "Entrypoint");
    config.cmd = optional_command(settings, "Cmd");
    config.workdir = optional_text(settings, "WorkingDir");
    config.user = optional_text(settings, "User");
    for (const char * const name : {"Labels", "Volumes"}) {
        const Json * const map = find(settings, name);
        if (map == nullptr) continue;
        if (!map->is_object()) throw Refused{shifter::quoted(name) + " is not an object"};
        for (const auto & item : map->items()) {
            const std::string key = text_of(item.key(), "a name in " + shifter::quoted(name));
            if (*name == 'V')
                config.volumes.push_back(key);
            else
                config.labels.emplace_back(key, text_of(item.value(), "the label " + shifter::quoted(key)));
        }
    }
}

/** The history is for people: what is odd in it is left out, and refuses nothing. */
std::vector<std::string> creators_in(const Json & document, std::size_t layers) {
    constexpr std::size_t most_bytes = 500;
    std::vector<std::string> creators;
    const Json * const history = find(document, "history");
    if (history == nullptr || !history->is_array()) return {};
    for (const Json & step : *history) {
        if (!step.is_object()) return {};
        const Json * const is_empty = find(step, "empty_layer");
        if (is_empty != nullptr && *is_empty == true) continue;
        const Json * const words = find(step, "created_by");
        std::string text = words != nullptr && words->is_string() ? words->get<std::string>() : "";
        if (text.size() > most_bytes) {
            std::size_t end = most_bytes;
            while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end; // not within a character
            text = text.substr(0, end) + "…";
        }
        creators.push_back(std::move(text));
    }
    if (creators.size() != layers) return {};
    return creators;
}

ImageConfig config_in(const Json & document, const DocumentLimits & limits) {
    ImageConfig config;
    config.platform = platform_in(document, "the configuration");
    config.created = optional_text(document, "created").value_or("");
    if (const Json * const settings = find(document, "config")) read_settings(*settings, config);
    const Json * const rootfs = find(document, "rootfs");
    if (rootfs == nullptr || !rootfs->is_object()) throw Refused{"it has no object \"rootfs\""};
    if (required_text(*rootfs, "type", "\"rootfs\"") != "layers")
        throw Refused{"its \"rootfs\" is not of type \"layers\""};
    for (const Json & item : required_list(*rootfs, "diff_ids", limits.max_layers)) {
        const std::string what = "diff_id " + std::to_string(config.diff_ids.size() + 1);
        config.diff_ids.push_back(digest_in(text_of(item, what), what));
    }
    config.created_by = creators_in(document, config.diff_ids.size());
    return config;
}

} // namespace

std::optional<LayerCompression> layer_compression(std::string_view media_type) {
    for (const LayerType & type : layer_types)
        if (type.media_type == media_type) return type.compression;
    return std::nullopt;
}

Expected<IndexOrManifest> parse_index_or_manifest(std::string_view json, std::string_view content_type,
                                                  const DocumentLimits & limits) {
    try {
        const std::string stated = stated_type(content_type);
        const Json document = parse_object(json, limits);
        if (decide_kind(document, stated) == Kind::index) return IndexOrManifest{index_in(document, limits)};
        return IndexOrManifest{manifest_in(document, limits)};
    } catch (const Refused & refused) {
        return ParseError{0, refused.what()};
    }
}

Expected<ImageConfig> parse_image_config(std::string_view json, const DocumentLimits & limits) {
    try {
        return config_in(parse_object(json, limits), limits);
    } catch (const Refused & refused) {
        return ParseError{0, refused.what()};
    }
}

} // namespace shifter::oci
