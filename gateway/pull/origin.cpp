#include "pull/origin.hpp"

#include "pull/gateway_settings.hpp"

namespace shifter::pull {

namespace {

constexpr std::size_t window_bytes = 2U << 20U; // for each open blob; pull_queue.hpp states the sum

class RegistryOrigin : public Origin {
public:
    RegistryOrigin(Source source, const std::optional<registry::Credentials> & credentials,
                   std::shared_ptr<const registry::SignaturePolicy> signatures, const registry::RegistryLimits & limits,
                   std::stop_token stop)
        : signatures_{std::move(signatures)}, source_{std::move(source)},
          client_{source_.location, credentials, limits, std::move(stop)} {}

    registry::ResolvedImage resolve(const Platform & platform) override {
        auto image = client_.resolve(source_.reference, platform);
        if (signatures_) check_signatures(image);
        layers_ = image.manifest.layers;
        return image;
    }
    std::unique_ptr<oci::ByteSource> open_layer(std::size_t layer, registry::OnBytes count) override {
        return client_.open_blob(source_.reference.repository, layers_.at(layer), window_bytes, std::move(count));
    }
    [[nodiscard]] std::vector<std::string> layer_scopes() const override {
        return {public_layers, "registry " + source_.location.name + " " + source_.location.url};
    }
    bool may_reuse(std::size_t layer) override {
        return client_.may_read_blob(source_.reference.repository, layers_.at(layer));
    }
    [[nodiscard]] bool is_public() const override { return !client_.used_credentials(); }
    [[nodiscard]] bool has_shown_access(const std::string & reference) const override {
        return reference.rfind(source_.reference.registry + "/", 0) == 0;
    }
    [[nodiscard]] std::string transport() const override { return "docker"; }
    [[nodiscard]] std::string reference() const override { return source_.reference.to_string(); }
    [[nodiscard]] std::string place() const override { return source_.location.name; }

private:
    void check_signatures(const registry::ResolvedImage & image) {
        std::vector<Digest> digests = {image.manifest_digest};
        if (image.index_digest && *image.index_digest != image.manifest_digest) digests.push_back(*image.index_digest);
        registry::enforce(*signatures_, source_.reference, digests,
                          [&](const Digest & digest) { return client_.signatures(source_.reference, digest); });
    }

    std::shared_ptr<const registry::SignaturePolicy> signatures_; ///< null: they are not looked at
    Source source_;
    registry::RegistryClient client_;
    std::vector<oci::Descriptor> layers_;
};

} // namespace

MakeOrigin registry_origin(const GatewaySettings & settings, const std::string & tag,
                           std::optional<registry::Credentials> credentials,
                           std::shared_ptr<const registry::SignaturePolicy> signatures) {
    return [&settings, source = resolve_source(settings, tag), login = std::move(credentials),
            policy = std::move(signatures)](std::stop_token stop) {
        return std::make_unique<RegistryOrigin>(source, login, policy, settings.registry_limits, std::move(stop));
    };
}

} // namespace shifter::pull
