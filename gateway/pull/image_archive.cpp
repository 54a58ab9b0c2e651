#include "pull/image_archive.hpp"

#include "base/error.hpp"
#include "layers/layer_reader.hpp"
#include "oci/json_limits.hpp"
#include "oci/sha256.hpp"

#include <algorithm>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace shifter::pull {

namespace {

using Json = nlohmann::json;
using layers::ArchivedFile;

constexpr const char * not_an_image = "the archive holds no image: it has neither index.json (OCI) nor manifest.json "
                                      "(docker save); is it an export of a file system?";

/** The bytes of one file of the archive, checked against its digest where there is one (I26). */
class ArchivedBlob : public oci::ByteSource {
public:
    ArchivedBlob(std::shared_ptr<const SharedFile> file, ArchivedFile place, std::optional<Digest> digest,
                 registry::OnBytes count)
        : file_{std::move(file)}, place_{place}, digest_{std::move(digest)}, count_{std::move(count)} {
        if (digest_) hasher_ = oci::Hasher{digest_->algorithm()};
    }

    std::size_t read(std::span<std::byte> buffer) override {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), place_.size_bytes - done_));
        if (wanted == 0) {
            if (digest_ && !is_checked_ && hasher_.finish() != *digest_)
                throw Error{"the archive does not hold what it says: " + digest_->to_string() + " is something else"};
            is_checked_ = true;
            return 0;
        }
        ssize_t got = 0;
        do {
            got = ::pread(file_->fd.get(), buffer.data(), wanted, static_cast<off_t>(place_.offset + done_));
        } while (got < 0 && errno == EINTR);
        if (got < 0) throw SysError{errno, "cannot read the archive"};
        if (got == 0) throw Error{"the archive ends too early"};
        const auto count = static_cast<std::size_t>(got);
        if (digest_) hasher_.update(buffer.first(count));
        done_ += count;
        if (count_) count_(count);
        return count;
    }

private:
    std::shared_ptr<const SharedFile> file_;
    ArchivedFile place_;
    std::optional<Digest> digest_;
    registry::OnBytes count_;
    oci::Hasher hasher_;
    std::uint64_t done_ = 0;
    bool is_checked_ = false;
};

void check_counts(const oci::Manifest & manifest, const oci::ImageConfig & config) {
    if (manifest.layers.size() != config.diff_ids.size())
        throw Error{"the archive holds " + std::to_string(manifest.layers.size()) +
                    " layers, and its configuration names " + std::to_string(config.diff_ids.size())};
}

void check_platform(const oci::ImageConfig & config, const Platform & wanted) {
    if (config.platform.os != wanted.os || config.platform.architecture != wanted.architecture)
        throw Error{"the image in the archive is for " + config.platform.to_string() + ", and this system runs " +
                    wanted.to_string()};
}

oci::ImageConfig parse_config(const std::string & text, const oci::DocumentLimits & limits) {
    return oci::parse_image_config(text, limits).value_or_throw("the configuration in the archive is refused");
}

/** The manifest that a registry would hold of these layers, uncompressed: what names an image of docker save. */
std::string manifest_of(const std::string & config, const oci::Manifest & manifest) {
    Json layers = Json::array();
    for (const oci::Descriptor & layer : manifest.layers)
        layers.push_back(
            {{"mediaType", layer.media_type}, {"digest", layer.digest.to_string()}, {"size", layer.size_bytes}});
    return Json{{"schemaVersion", 2},
                {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                {"config",
                 {{"mediaType", "application/vnd.oci.image.config.v1+json"},
                  {"digest", oci::digest_of(config).to_string()},
                  {"size", config.size()}}},
                {"layers", std::move(layers)}}
        .dump();
}

} // namespace

ImageArchive::ImageArchive(std::shared_ptr<const SharedFile> file, std::string reference, const layers::Limits & limits,
                           const oci::DocumentLimits & document_limits)
    : file_{std::move(file)}, reference_{std::move(reference)}, limits_{limits}, document_limits_{document_limits} {}

registry::ResolvedImage ImageArchive::resolve(const Platform & platform) {
    std::array<unsigned char, 4> magic{};
    if (::pread(file_->fd.get(), magic.data(), magic.size(), 0) == 4) {
        const bool is_gzip = magic[0] == 0x1f && magic[1] == 0x8b;
        const bool is_zstd = magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd;
        if (is_gzip || is_zstd)
            throw Error{std::string{"the archive is compressed as a whole; send it unpacked: "} +
                        (is_gzip ? "gunzip -c" : "zstd -dc") + " FILE | shifterimg load - TAG"};
    }
    index_.emplace(file_->fd.get(), file_->size_bytes, limits_);
    is_layout_ = index_->find("index.json").has_value();
    registry::ResolvedImage image = is_layout_                      ? resolve_layout(platform)
                                    : index_->find("manifest.json") ? resolve_docker()
                                                                    : throw Error{not_an_image};
    check_counts(image.manifest, image.config);
    check_platform(image.config, platform);
    image.anonymous = false;
    return image;
}

registry::ResolvedImage ImageArchive::resolve_layout(const Platform & platform) {
    constexpr unsigned most_indexes = 3;
    std::string text = document("index.json");
    std::optional<Digest> digest;
    for (unsigned depth = 0; depth < most_indexes; ++depth) {
        auto parsed = oci::parse_index_or_manifest(text, "", document_limits_)
                          .value_or_throw(depth == 0 ? "index.json in the archive is refused"
                                                     : "a manifest in the archive is refused");
        if (auto * manifest = std::get_if<oci::Manifest>(&parsed)) {
            if (!digest) throw Error{"index.json in the archive is a manifest, and no index"};
            auto config = parse_config(blob_document(manifest->config), document_limits_);
            layers_.clear();
            for (const oci::Descriptor & layer : manifest->layers) layers_.push_back({blob(layer), layer.digest});
            return {*digest, std::nullopt, std::move(*manifest), std::move(config), {}, false};
        }
        const auto & index = std::get<oci::Index>(parsed);
        // The one image of a layout mostly comes without a platform: its configuration has it.
        const auto choice = index.manifests.size() == 1 ? std::optional{index.manifests.front()}
                                                        : oci::select_platform(index, platform);
        if (!choice)
            throw Error{"the archive holds " + std::to_string(index.manifests.size()) +
                        " images, and none that says it is for " + platform.to_string() +
                        "; save the one that is wanted"};
        text = blob_document(*choice);
        digest = choice->digest;
    }
    throw Error{"the archive's index leads to an index that leads to another"};
}

registry::ResolvedImage ImageArchive::resolve_docker() {
    const std::string text = document("manifest.json");
    if (const auto refused = oci::refuse_json(text, document_limits_))
        throw Error{"manifest.json in the archive is refused: " + refused->what};
    const Json list = Json::parse(text, nullptr, false);
    if (!list.is_array() || list.empty()) throw Error{not_an_image};
    if (list.size() > 1)
        throw Error{"the archive holds " + std::to_string(list.size()) + " images; save the one that is wanted"};
    const Json & entry = list.front();
    const auto names = entry.is_object() ? entry.find("Layers") : entry.end();
    if (names == entry.end() || !names->is_array() || !entry.contains("Config") || !entry["Config"].is_string())
        throw Error{"manifest.json in the archive names no configuration and layers"};
    const std::string config_text = document(entry["Config"].get<std::string>());
    auto config = parse_config(config_text, document_limits_);
    if (names->size() != config.diff_ids.size())
        throw Error{"the archive holds " + std::to_string(names->size()) + " layers, and its configuration names " +
                    std::to_string(config.diff_ids.size())};
    oci::Manifest manifest{
        {"application/vnd.oci.image.config.v1+json", oci::digest_of(config_text), config_text.size(), {}}, {}};
    layers_.clear();
    for (std::size_t i = 0; i < names->size(); ++i) {
        const Json & name = (*names)[i];
        const auto place =
            name.is_string() ? index_->find(layers::normal_path(name.get<std::string>(), limits_)) : std::nullopt;
        if (!place)
            throw Error{"the archive lacks a layer that its manifest.json names: " + shifter::quoted(name.dump())};
        // The diffID decides what the layer is; the decoder checks it.
        layers_.push_back({*place, std::nullopt});
        manifest.layers.push_back(
            {"application/vnd.oci.image.layer.v1.tar", config.diff_ids[i], place->size_bytes, {}});
    }
    const Digest digest = oci::digest_of(manifest_of(config_text, manifest));
    return {digest, std::nullopt, std::move(manifest), std::move(config), {}, false};
}

std::string ImageArchive::document(const std::string & path) const {
    const auto place = index_->find(path);
    if (!place) throw Error{"the archive lacks " + shifter::quoted(path)};
    if (place->size_bytes > document_limits_.max_bytes)
        throw Error{shifter::quoted(path) + " in the archive has " + std::to_string(place->size_bytes) +
                    " bytes, more than " + std::to_string(document_limits_.max_bytes)};
    std::string text(place->size_bytes, '\0');
    ArchivedBlob blob{file_, *place, std::nullopt, {}};
    const auto bytes = std::as_writable_bytes(std::span{text});
    for (std::size_t done = 0; done < text.size();) done += blob.read(bytes.subspan(done));
    return text;
}

std::string ImageArchive::blob_document(const oci::Descriptor & descriptor) const {
    (void)blob(descriptor);
    std::string text = document("blobs/" + std::string{"sha256/"} + descriptor.digest.hex());
    if (oci::digest_of(text, descriptor.digest.algorithm()) != descriptor.digest)
        throw Error{"the archive does not hold what it says: " + descriptor.digest.to_string() + " is something else"};
    return text;
}

ArchivedFile ImageArchive::blob(const oci::Descriptor & descriptor) const {
    if (descriptor.digest.algorithm() != Digest::Algorithm::sha256)
        throw Error{"the archive names " + descriptor.digest.to_string() + ", and only sha256 is read"};
    const auto place = index_->find("blobs/sha256/" + descriptor.digest.hex());
    if (!place) throw Error{"the archive lacks " + descriptor.digest.to_string()};
    if (place->size_bytes != descriptor.size_bytes)
        throw Error{descriptor.digest.to_string() + " in the archive has " + std::to_string(place->size_bytes) +
                    " bytes in place of " + std::to_string(descriptor.size_bytes)};
    return *place;
}

MakeOrigin archive_origin(const GatewaySettings & settings, const std::string & tag,
                          std::shared_ptr<const SharedFile> file) {
    return [&settings, tag, file = std::move(file)](const std::stop_token &) {
        return std::make_unique<ImageArchive>(file, "archive:" + tag, settings.unpack_limits,
                                              settings.registry_limits.documents);
    };
}

std::unique_ptr<oci::ByteSource> ImageArchive::open_layer(std::size_t layer, registry::OnBytes count) {
    const Layer & wanted = layers_.at(layer);
    return std::make_unique<ArchivedBlob>(file_, wanted.place, wanted.digest, std::move(count));
}

} // namespace shifter::pull
