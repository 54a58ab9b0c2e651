/**
 * @file
 * Where an image comes from: a registry, an archive that its owner sent, or a squashfs file of his. A pull asks the
 * same two things of each: what is it, and give me this layer.
 */
#pragma once

#include "oci/byte_source.hpp"
#include "pull/source.hpp"
#include "registry/registry_client.hpp"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace shifter::pull {

class Origin {
public:
    virtual ~Origin() = default;
    /** What will be published; `anonymous` in it decides who may read. Once. @throws RegistryError, Error */
    [[nodiscard]] virtual registry::ResolvedImage resolve(const Platform & platform) = 0;
    /** A layer of the resolved image, checked against all digests that are known of it. From any thread, more than
     * once. */
    [[nodiscard]] virtual std::unique_ptr<oci::ByteSource> open_layer(std::size_t layer, registry::OnBytes count) = 0;
    /**
     * Whose converted layers may stand in for this image's, when may_reuse() agrees: "public", and one's own. Empty:
     * nobody's. The last is where this image's layers are kept when it is private.
     */
    [[nodiscard]] virtual std::vector<std::string> layer_scopes() const { return {}; }
    /** Whether the place says, now, that this pull may read the layer (I31). From any thread. */
    [[nodiscard]] virtual bool may_reuse(std::size_t) { return false; }
    /** Whether all that was read so far is there for everybody. */
    [[nodiscard]] virtual bool is_public() const { return false; }
    /**
     * Whether resolve() has shown that this pull may have all of an image that came from `reference` before: its manifest
     * alone shows nothing. True where the registry is the same, and where every byte was seen.
     */
    [[nodiscard]] virtual bool has_shown_access(const std::string & /*reference*/) const { return false; }
    /** How it comes here, by its name as a transport of policy.json: "docker", or one of registry::sent_by, for which a
     * pull asks the signature policy; of registries this object has asked it. After resolve(). */
    [[nodiscard]] virtual std::string transport() const = 0;
    /** The full reference, for the catalog. */
    [[nodiscard]] virtual std::string reference() const = 0;
    /** Who might keep us waiting: pulls that share it take turns. */
    [[nodiscard]] virtual std::string place() const = 0;
};

/** Made when the pull begins; `stop` ends what it waits for. */
using MakeOrigin = std::function<std::unique_ptr<Origin>(std::stop_token stop)>;

/** @param signatures  null: they are not looked at. @throws Error when the site no longer allows the registry of `tag` */
[[nodiscard]] MakeOrigin registry_origin(const GatewaySettings & settings, const std::string & tag,
                                         std::optional<registry::Credentials> credentials,
                                         std::shared_ptr<const registry::SignaturePolicy> signatures = {});

} // namespace shifter::pull
