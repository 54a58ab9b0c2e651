/**
 * @file
 * An image in one tar archive: an OCI image layout (OCI Image Specification v1.1, "Image Layout"), or what docker save
 * and podman save write (manifest.json). Read in place; nothing is unpacked.
 */
#pragma once

#include "base/unique_fd.hpp"
#include "layers/archive_index.hpp"
#include "oci/manifest.hpp"
#include "pull/origin.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace shifter::pull {

/** A file that is read from several threads, and goes with its last reader. */
struct SharedFile {
    UniqueFd fd;
    std::uint64_t size_bytes = 0;
};

class ImageArchive : public Origin {
public:
    /** @param file  without a name on the disk: it is gone when the last reader is */
    ImageArchive(std::shared_ptr<const SharedFile> file, std::string reference, const layers::Limits & limits,
                 const oci::DocumentLimits & document_limits);

    /** Private: what somebody sent is his, whoever else has the same (H7-16). */
    [[nodiscard]] registry::ResolvedImage resolve(const Platform & platform) override;
    [[nodiscard]] std::unique_ptr<oci::ByteSource> open_layer(std::size_t layer, registry::OnBytes count) override;
    [[nodiscard]] std::string transport() const override { return is_layout_ ? "oci-archive" : "docker-archive"; }
    [[nodiscard]] std::string reference() const override { return reference_; }
    [[nodiscard]] std::string place() const override { return "archive"; }

private:
    struct Layer {
        layers::ArchivedFile place;
        std::optional<Digest> digest; ///< of the stored bytes, where the archive states one
    };
    [[nodiscard]] registry::ResolvedImage resolve_layout(const Platform & platform);
    [[nodiscard]] registry::ResolvedImage resolve_docker();
    [[nodiscard]] std::string document(const std::string & path) const;
    [[nodiscard]] std::string blob_document(const oci::Descriptor & descriptor) const;
    [[nodiscard]] layers::ArchivedFile blob(const oci::Descriptor & descriptor) const;

    std::shared_ptr<const SharedFile> file_;
    std::string reference_;
    layers::Limits limits_;
    oci::DocumentLimits document_limits_;
    std::optional<layers::ArchiveIndex> index_;
    bool is_layout_ = false;
    std::vector<Layer> layers_;
};

[[nodiscard]] MakeOrigin archive_origin(const GatewaySettings & settings, const std::string & tag,
                                        std::shared_ptr<const SharedFile> file);

} // namespace shifter::pull
