#include "registry/registry_client.hpp"

#include "base/log.hpp"
#include "oci/sha256.hpp"
#include "registry/blob_stream.hpp"
#include "registry/documents.hpp"

#include <algorithm>

namespace shifter::registry {
namespace {

constexpr const char * manifest_types =
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/** A sentence on content that breaks a rule: it will not get better. */
RegistryError bad_content(const std::string & sentence) { return {Cause::bad_content, sentence}; }

struct Document {
    std::string body;
    std::string content_type;
    std::string stated_digest; ///< Docker-Content-Digest, or empty
};

/** Walks from a tag to layers at one endpoint. */
class Resolver {
public:
    Resolver(Endpoint & endpoint, const RegistryLimits & limits, const std::stop_token & stop, std::string repository)
        : endpoint_{endpoint}, limits_{limits}, stop_{stop}, repository_{std::move(repository)} {}

    [[nodiscard]] ResolvedImage resolve(const ImageReference & reference, const Platform & wanted) const {
        // The one time that the tag is asked for (R7); from here on everything has a digest.
        const Document first = fetch_named(reference.selector());
        const Digest digest = check_named(first, reference.digest);
        auto parsed = parse(first, "the manifest");
        std::optional<Digest> index_digest;
        Digest manifest_digest = digest;
        if (const auto * const index = std::get_if<oci::Index>(&parsed)) {
            const auto choice = oci::select_platform(*index, wanted);
            if (!choice)
                throw RegistryError{Cause::not_found, "it has no image for " + wanted.to_string() + offers(*index)};
            index_digest = digest;
            manifest_digest = choice->digest;
            const Document second = fetch_checked("manifests/", *choice, manifest_types);
            parsed = parse(second, "the manifest for " + wanted.to_string());
            if (std::holds_alternative<oci::Index>(parsed)) throw bad_content("its index leads to another index");
        }
        auto manifest = std::get<oci::Manifest>(std::move(parsed));
        Document config = fetch_checked("blobs/", manifest.config, "");
        auto image = oci::parse_image_config(config.body, limits_.documents);
        if (!image) throw bad_content("its configuration is refused: " + image.error().what);
        check(manifest, *image, wanted);
        return {manifest_digest,   index_digest,           std::move(manifest),
                *std::move(image), std::move(config.body), !endpoint_.used_credentials()};
    }

    /** By cosign's convention: an image manifest whose layers are payloads, under a tag made of the digest.
     * @throws RegistryError  Cause::not_found when there is no such tag */
    [[nodiscard]] std::vector<ImageSignature> signatures(const Digest & digest) const {
        const std::string algorithm = digest.algorithm() == Digest::Algorithm::sha256 ? "sha256-" : "sha512-";
        const Document document = fetch("manifests/" + algorithm + digest.hex() + ".sig", manifest_types);
        const auto listed = parse_signature_manifest(document.body, limits_.max_signatures, limits_.documents);
        if (!listed) throw bad_content("the list of its signatures is refused: " + listed.error().what);
        std::vector<ImageSignature> result;
        for (const ListedSignature & each : *listed) {
            Document payload = fetch_checked("blobs/", each.payload, "");
            result.push_back({std::move(payload.body), each.signature});
        }
        return result;
    }

    /** Whether `digest` can be read here without credentials. @throws RegistryError when it cannot be read at all */
    [[nodiscard]] bool is_public(const Digest & digest) const {
        (void)fetch("manifests/" + digest.to_string(), manifest_types);
        return !endpoint_.used_credentials();
    }

private:
    [[nodiscard]] Document fetch_named(const std::string & selector) const {
        try {
            return fetch("manifests/" + selector, manifest_types);
        } catch (const RegistryError & error) {
            if (error.cause() != Cause::not_found) throw;
            throw RegistryError{Cause::not_found, std::string{error.what()} + "; is the name right?"};
        }
    }

    [[nodiscard]] Document fetch(const std::string & path, const char * accept) const {
        return with_retries(limits_, stop_, [&] {
            Document document;
            const Get get{repository_, path, accept, std::nullopt, limits_.document_timeout};
            const auto sink = into(document.body, limits_.documents.max_bytes, endpoint_.host());
            const HttpResponse response = endpoint_.get(get, sink, stop_);
            if (response.status != 200)
                throw FailedTry{Cause::registry_fault,
                                endpoint_.host() + " answered " + std::to_string(response.status), false};
            document.content_type = response.header("content-type").value_or("");
            document.stated_digest = response.header("docker-content-digest").value_or("");
            return document;
        });
    }

    [[nodiscard]] Document fetch_checked(const std::string & folder, const oci::Descriptor & descriptor,
                                         const char * accept) const {
        const std::string name = descriptor.digest.to_string();
        if (descriptor.size_bytes > limits_.documents.max_bytes)
            throw RegistryError{Cause::over_limit, name + " is a document of " + std::to_string(descriptor.size_bytes) +
                                                       " bytes, more than " +
                                                       std::to_string(limits_.documents.max_bytes)};
        Document document = fetch(folder + name, accept);
        if (document.body.size() != descriptor.size_bytes)
            throw bad_content(endpoint_.host() + " sent " + std::to_string(document.body.size()) +
                              " bytes in place of " + std::to_string(descriptor.size_bytes) + " for " + name);
        check_digest(document, descriptor.digest);
        return document;
    }

    void check_digest(const Document & document, const Digest & digest) const {
        if (oci::digest_of(document.body, digest.algorithm()) != digest)
            throw bad_content(endpoint_.host() + " sent something else than " + digest.to_string());
    }

    /** The digest of what was asked for by the user's words. */
    [[nodiscard]] Digest check_named(const Document & document, const std::optional<Digest> & asked) const {
        if (asked) {
            check_digest(document, *asked);
            return *asked;
        }
        if (!document.stated_digest.empty()) {
            const auto stated = Digest::parse(document.stated_digest);
            if (!stated) throw bad_content(endpoint_.host() + " names an unusable digest: " + stated.error().what);
            check_digest(document, *stated);
        }
        return oci::digest_of(document.body);
    }

    [[nodiscard]] oci::IndexOrManifest parse(const Document & document, const std::string & what) const {
        auto parsed = oci::parse_index_or_manifest(document.body, document.content_type, limits_.documents);
        if (!parsed) throw bad_content(what + " is refused: " + parsed.error().what);
        return *std::move(parsed);
    }

    [[nodiscard]] static std::string offers(const oci::Index & index) {
        constexpr std::size_t max_shown = 12;
        std::string text;
        std::size_t shown = 0;
        for (const oci::Descriptor & descriptor : index.manifests) {
            if (!descriptor.platform || descriptor.platform->os == "unknown") continue;
            if (++shown > max_shown) return text + ", …";
            text += (shown == 1 ? "; it has " : ", ") + log::one_line(descriptor.platform->to_string());
        }
        return text;
    }

    void check(const oci::Manifest & manifest, const oci::ImageConfig & config, const Platform & wanted) const {
        if (config.diff_ids.size() != manifest.layers.size())
            throw bad_content("its manifest has " + std::to_string(manifest.layers.size()) +
                              " layers and its configuration " + std::to_string(config.diff_ids.size()));
        const Platform & built = config.platform;
        const bool other_variant = !wanted.variant.empty() && !built.variant.empty() && wanted.variant != built.variant;
        if (built.os != wanted.os || built.architecture != wanted.architecture || other_variant)
            throw RegistryError{Cause::not_found, "it is built for " + log::one_line(built.to_string()) +
                                                      ", and this system needs " + wanted.to_string()};
        for (const oci::Descriptor & layer : manifest.layers)
            if (layer.size_bytes > limits_.max_layer_bytes)
                throw RegistryError{Cause::over_limit, "its layer " + layer.digest.to_string() + " has " +
                                                           std::to_string(layer.size_bytes) + " bytes, more than " +
                                                           std::to_string(limits_.max_layer_bytes)};
    }

    Endpoint & endpoint_;
    const RegistryLimits & limits_;
    const std::stop_token & stop_;
    std::string repository_;
};

} // namespace

namespace {

HttpSettings http_settings(const Location & location, const RegistryLimits & limits) {
    HttpSettings settings{.ca_file = location.ca_file, .proxy = location.proxy, .limits = limits};
    if (location.certificate_file.empty()) return settings;
    const auto own = Url::parse(location.url);
    if (own) settings.certificate_for = *own;
    settings.certificate_file = location.certificate_file;
    settings.key_file = location.key_file.empty() ? location.certificate_file : location.key_file;
    return settings;
}

} // namespace

Session::Session(const Location & location, const std::optional<Credentials> & credentials, RegistryLimits the_limits,
                 std::stop_token the_stop)
    : limits{the_limits}, stop{std::move(the_stop)},
      mirrors_are_public{location.mirrors_are_public}, http{http_settings(location, limits)} {
    for (const std::string & mirror : location.mirrors)
        endpoints.push_back(std::make_unique<Endpoint>(http, mirror, location, Logins{}, limits));
    endpoints.push_back(
        std::make_unique<Endpoint>(http, location.url, location, Logins{credentials, location.site_login}, limits));
}

void Session::on_endpoints(const std::string & what,
                           const std::function<void(Endpoint &, const RegistryLimits &)> & action) {
    constexpr unsigned attempts_before_another = 2;
    const std::size_t first = preferred;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        const std::size_t chosen = (first + i) % endpoints.size();
        const bool is_last = i + 1 == endpoints.size();
        RegistryLimits here = limits;
        if (!is_last) here.attempts = std::min(here.attempts, attempts_before_another);
        try {
            action(*endpoints[chosen], here);
            preferred = chosen;
            return;
        } catch (const WrongBlob &) {
            throw;
        } catch (const RegistryError & error) {
            if (is_last || error.cause() == Cause::stopped) throw;
            log::warning("event=fallback " + what + ": " + error.what() + "; the next place is asked");
        }
    }
}

class RegistryClient::Impl {
public:
    std::shared_ptr<Session> session;
};

RegistryClient::RegistryClient(const Location & location, const std::optional<Credentials> & credentials,
                               RegistryLimits limits, std::stop_token stop)
    : impl_{std::make_unique<Impl>()} {
    impl_->session = std::make_shared<Session>(location, credentials, limits, std::move(stop));
}

RegistryClient::~RegistryClient() = default;

ResolvedImage RegistryClient::resolve(const ImageReference & reference, const Platform & platform) {
    Session & session = *impl_->session;
    const std::string name = reference.to_string();
    std::optional<ResolvedImage> image;
    try {
        bool is_mirrors_word = false;
        session.on_endpoints(name, [&](Endpoint & endpoint, const RegistryLimits & limits) {
            image = Resolver{endpoint, limits, session.stop, reference.repository}.resolve(reference, platform);
            is_mirrors_word = &endpoint != session.endpoints.back().get();
        });
        if (is_mirrors_word && !session.mirrors_are_public) {
            // A mirror may have been filled with somebody's login: what it gives away may be private all the same.
            Endpoint & registry = *session.endpoints.back();
            try {
                image->anonymous = Resolver{registry, session.limits, session.stop, reference.repository}.is_public(
                    image->manifest_digest);
            } catch (const RegistryError & error) {
                throw RegistryError{error.cause(), std::string{"a mirror has it, and its registry, which decides who "
                                                               "may read it, does not say: "} +
                                                       error.what()};
            }
        }
    } catch (const RegistryError & error) {
        throw RegistryError{error.cause(), "cannot pull " + name + ": " + error.what()};
    }
    return *std::move(image);
}

std::vector<ImageSignature> RegistryClient::signatures(const ImageReference & image, const Digest & digest) {
    Session & session = *impl_->session;
    std::vector<ImageSignature> found;
    try {
        session.on_endpoints("the signatures of " + image.to_string(),
                             [&](Endpoint & endpoint, const RegistryLimits & limits) {
                                 // A mirror that has none is no answer: the next place is asked.
                                 found = Resolver{endpoint, limits, session.stop, image.repository}.signatures(digest);
                             });
    } catch (const RegistryError & error) {
        if (error.cause() == Cause::not_found) return {};
        throw RegistryError{error.cause(), "cannot read the signatures of " + image.to_string() + ": " + error.what()};
    }
    return found;
}

std::unique_ptr<oci::ByteSource> RegistryClient::open_blob(const std::string & repository, const oci::Descriptor & blob,
                                                           std::size_t window_bytes, OnBytes on_bytes) {
    if (blob.size_bytes > impl_->session->limits.max_layer_bytes)
        throw RegistryError{Cause::over_limit, "cannot fetch " + blob.digest.to_string() + ": it has " +
                                                   std::to_string(blob.size_bytes) + " bytes, more than " +
                                                   std::to_string(impl_->session->limits.max_layer_bytes)};
    return std::make_unique<BlobStream>(impl_->session, repository, blob, window_bytes, std::move(on_bytes));
}

bool RegistryClient::may_read_blob(const std::string & repository, const oci::Descriptor & blob) noexcept {
    try {
        Session & session = *impl_->session;
        const std::string name = blob.digest.to_string();
        bool is_yes = false;
        const auto ask = [&](Endpoint & endpoint, const RegistryLimits & limits) {
            is_yes = with_retries(limits, session.stop, [&] {
                const Get get{repository, "blobs/" + name, "", std::nullopt, limits.document_timeout, true};
                const HttpResponse response = endpoint.get(
                    get, [](const HttpResponse &, std::span<const std::byte>) {}, session.stop);
                const auto length = response.header("content-length");
                return response.status != 200 || !length || *length == std::to_string(blob.size_bytes);
            });
        };
        // What a mirror gives away is no word of the registry's.
        if (session.mirrors_are_public)
            session.on_endpoints(name, ask);
        else
            ask(*session.endpoints.back(), session.limits);
        return is_yes;
    } catch (const std::exception &) {
        return false;
    }
}

bool RegistryClient::check_login() {
    Session & session = *impl_->session;
    Endpoint & endpoint = *session.endpoints.back(); // mirrors never see logins
    endpoint.prove_login();
    with_retries(session.limits, session.stop, [&] {
        std::string body;
        const Get get{"", "", "application/json", std::nullopt, session.limits.document_timeout};
        const auto sink = into(body, session.limits.documents.max_bytes, endpoint.host());
        (void)endpoint.get(get, sink, session.stop);
    });
    return endpoint.used_credentials();
}

bool RegistryClient::used_credentials() const {
    const auto & endpoints = impl_->session->endpoints;
    return std::any_of(endpoints.begin(), endpoints.end(),
                       [](const auto & endpoint) { return endpoint->used_credentials(); });
}

} // namespace shifter::registry
