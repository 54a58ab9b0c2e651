/**
 * @file
 * Reads images from a registry. OCI Distribution Specification v1.1 (pull) and Docker's token authentication, by
 * libcurl. Promises: I26 to I31, R7, R8.
 */
#pragma once

#include "base/digest.hpp"
#include "base/image_reference.hpp"
#include "oci/byte_source.hpp"
#include "oci/manifest.hpp"
#include "registry/secret.hpp"
#include "registry/signature_policy.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace shifter::registry {

/** Why an exchange failed, told apart so that the user's sentence and the HTTP status can be (R8). */
enum class Cause { not_found, denied, unreachable, registry_fault, bad_content, over_limit, stopped };

class RegistryError : public Error {
public:
    RegistryError(Cause cause, const std::string & sentence) : Error{sentence}, cause_{cause} {}
    [[nodiscard]] Cause cause() const noexcept { return cause_; }

private:
    Cause cause_;
};

enum class AuthMethod { token, basic };

struct Credentials {
    std::string user;
    Secret password;
};

/** One registry, as the site configured it (contract 7.9, `Locations`), or as its policy list admits it. */
struct Location {
    std::string name;    ///< "docker.io", "reg.example.org:5000": what a reference names
    std::string url;     ///< "https://registry-1.docker.io"; http only where the site wrote so (I29)
    std::string ca_file; ///< PEM; empty: the system's
    AuthMethod auth_method = AuthMethod::token;
    /** URLs tried in order before `url`. A mirror never sees credentials: they belong to `url` (I28). */
    std::vector<std::string> mirrors;
    /** Whether what a mirror gives to everybody is public. Otherwise the registry itself says who may read it. */
    bool mirrors_are_public = false;
    std::vector<std::string> token_hosts; ///< further hosts that may be asked for tokens with credentials (I28)
    std::string proxy;                    ///< empty: from the service's environment
    /** The site's own, for everybody: what it may read counts as read without credentials. Never shown to a mirror. */
    std::optional<Credentials> site_login{};
    /** The site's client certificate (PEM), with the same meaning; shown to the origin of `url` alone. */
    std::string certificate_file{};
    std::string key_file{}; ///< PEM; empty: in certificate_file
};

/** Limits of every exchange (I30), each with a configuration key. */
struct RegistryLimits {
    std::chrono::seconds connect_timeout{20};
    std::chrono::seconds stall_timeout{60};     ///< slower than the next line for that long is a broken connection
    std::uint64_t min_bytes_per_second = 1024;  ///< counted only while we are ready to read
    std::chrono::seconds document_timeout{120}; ///< for a token, a manifest or a config as a whole
    unsigned attempts = 6;                      ///< tries of one exchange; a blob that made progress begins anew
    std::chrono::milliseconds first_delay{200};
    std::chrono::seconds max_delay{30};
    unsigned max_redirects = 5;
    unsigned max_signatures = 32; ///< beside one image
    std::uint64_t max_layer_bytes = std::uint64_t{64} << 30U;
    oci::DocumentLimits documents;
};

/** A tag, resolved once (R7). All digests were checked. */
struct ResolvedImage {
    Digest manifest_digest;
    /** Digest of the index when the tag named one; else the manifest's. The image id is made of the manifest's. */
    std::optional<Digest> index_digest;
    oci::Manifest manifest;
    oci::ImageConfig config;
    std::string config_json; ///< as the registry served it, for `inspect`
    bool anonymous = true;   ///< read without credentials; false: the image is private (contract 7.6)
};

/** Called with the number of bytes that arrived anew; from any thread. */
using OnBytes = std::function<void(std::uint64_t)>;

/**
 * A client of one registry, for one pull. Thread-safe: blobs may be read from several threads at once.
 * Anonymous access, or the site's own, is tried first; credentials are used only when the registry refuses it (I28).
 */
class RegistryClient {
public:
    RegistryClient(const Location & location, const std::optional<Credentials> & credentials, RegistryLimits limits,
                   std::stop_token stop);
    ~RegistryClient();
    RegistryClient(const RegistryClient &) = delete;
    RegistryClient & operator=(const RegistryClient &) = delete;

    /** @throws RegistryError */
    [[nodiscard]] ResolvedImage resolve(const ImageReference & reference, const Platform & platform);

    /**
     * Opens a blob of `repository`. The source checks size and digest against `blob`, resumes after a broken
     * connection (Range), follows redirects without credentials, and buffers at most `window_bytes` in memory:
     * when nobody reads, the transfer pauses. Reading from it throws RegistryError. Each source has a thread and a
     * connection of its own from now on, and may outlive the client; destroying it early is cheap.
     * @throws RegistryError  Cause::over_limit when `blob` is larger than max_layer_bytes
     */
    [[nodiscard]] std::unique_ptr<oci::ByteSource> open_blob(const std::string & repository,
                                                             const oci::Descriptor & blob, std::size_t window_bytes,
                                                             OnBytes on_bytes = {});

    /** The sigstore signatures of `digest`, by the tag sha256-….sig beside it; none when there is no such tag.
     * @throws RegistryError */
    [[nodiscard]] std::vector<ImageSignature> signatures(const ImageReference & image, const Digest & digest);

    /**
     * Asks whether this client may read a blob of `repository`, without reading it (I31). False for every answer but a
     * clear yes, and when no answer comes: reading it will tell why.
     */
    [[nodiscard]] bool may_read_blob(const std::string & repository, const oci::Descriptor & blob) noexcept;

    /**
     * Shows the login to the registry, and asks for nothing: "/v2/" ("Determining Support"), by a token without scope.
     * @return whether the registry wanted a login at all: one that does not cannot say whether this one is good
     * @throws RegistryError  Cause::denied when it is refused
     */
    [[nodiscard]] bool check_login();

    /** Whether any answer so far needed the credentials: to ask once more after the last blob, before publishing (I34).
     */
    [[nodiscard]] bool used_credentials() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace shifter::registry
