/**
 * @file
 * An image that somebody brings as a squashfs file. The file itself is never published: a process without any rights
 * reads it (squash/squashfs_reader.hpp), and our own writer makes the image of what it says is in it. Contract 8.6 with
 * its hazards done right: full SHA-256 (H8-14), the user's own file (H8-16), squashfs alone (H8-13).
 */
#pragma once

#include "base/identity.hpp"
#include "pull/image_archive.hpp"
#include "pull/origin.hpp"

#include <memory>
#include <optional>
#include <string>

namespace shifter::pull {

class SquashfsFile : public Origin {
public:
    /** @param is_copied  false: `file` is still its owner's to change, and is copied to the cache directory first */
    SquashfsFile(const GatewaySettings & settings, std::shared_ptr<const SharedFile> file, bool is_copied,
                 std::string reference, std::stop_token stop);

    /** Reads the whole, twice: its digest, and what is in it. Private, as everything that somebody sends (H7-16). */
    [[nodiscard]] registry::ResolvedImage resolve(const Platform & platform) override;
    [[nodiscard]] std::unique_ptr<oci::ByteSource> open_layer(std::size_t layer, registry::OnBytes count) override;
    [[nodiscard]] bool has_shown_access(const std::string & /*reference*/) const override { return true; }
    [[nodiscard]] std::string transport() const override { return "squashfs"; }
    [[nodiscard]] std::string reference() const override { return reference_; }
    [[nodiscard]] std::string place() const override { return "squashfs"; }

private:
    void copy();
    [[nodiscard]] Digest digest_of_file() const;
    [[nodiscard]] std::unique_ptr<oci::ByteSource> tar_stream(registry::OnBytes count) const;

    const GatewaySettings & settings_;
    std::shared_ptr<const SharedFile> file_;
    bool is_copied_;
    std::string reference_;
    std::stop_token stop_;
    std::uint64_t tar_bytes_ = 0;
};

[[nodiscard]] MakeOrigin squashfs_origin(const GatewaySettings & settings, const std::string & tag,
                                         std::shared_ptr<const SharedFile> file, bool is_copied);

/** The tree of a squashfs file as a tar stream, read by a process without rights. Reading it throws Error in words. */
[[nodiscard]] std::unique_ptr<oci::ByteSource> open_squashfs_tar(const GatewaySettings & settings,
                                                                 std::shared_ptr<const SharedFile> file,
                                                                 registry::OnBytes count, std::stop_token stop);

/**
 * The file at `path` on the gateway's host, when it is the caller's own: nothing that only the gateway can read becomes
 * an image (H8-16). Nothing, whatever the reason, tells the caller no more of what is there.
 */
[[nodiscard]] std::shared_ptr<const SharedFile> own_file(const std::string & path, uid_t owner);

} // namespace shifter::pull
