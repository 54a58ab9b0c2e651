/**
 * @file
 * A registry with faults (tests/support/fault_registry.py) on loopback, an image in it, and what it was asked.
 */
#pragma once

#include "oci/sha256.hpp"
#include "registry/registry_client.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace shifter::registry::testing {

using Json = nlohmann::json;

/** One request, as the server wrote it down. */
struct Asked {
    std::string server; ///< "main" or "other"
    std::string path;
    std::string authorization;
    std::string range;
    std::string agent;
    double time = 0;
};

/** What can be bent in the image before the server starts. */
struct ImageParts {
    Json config = {
        {"os", "linux"}, {"architecture", "amd64"}, {"config", {{"Env", {"A=1"}}}}, {"rootfs", {{"type", "layers"}}}};
    Json manifest = Json::object(); ///< merged over the right one
    Json index = Json::object();    ///< merged over the right one
    std::size_t layer_bytes = 300'000;
};

class FaultSite {
public:
    /** `spec`: see the program. `tls`: main speaks https with a certificate that ca_file() vouches for. */
    explicit FaultSite(const std::string & spec = "{}", const ImageParts & parts = {}, bool tls = false);
    ~FaultSite();
    FaultSite(const FaultSite &) = delete;
    FaultSite & operator=(const FaultSite &) = delete;

    /** "127.0.0.1:<port>" of a server. */
    [[nodiscard]] std::string host(const std::string & server = "main") const;
    [[nodiscard]] std::string url(const std::string & server = "main") const;
    [[nodiscard]] Location location() const;
    [[nodiscard]] std::string ca_file() const { return (folder_ / "certificate.pem").string(); }
    [[nodiscard]] std::string key_file() const { return (folder_ / "key.pem").string(); }
    /** Tags: "1" a manifest, "index" an index with amd64 (that manifest) and arm64. */
    [[nodiscard]] ImageReference reference(const std::string & selector = ":1") const;
    [[nodiscard]] const std::string & layer() const noexcept { return layer_; }
    [[nodiscard]] const Digest & manifest_digest() const noexcept { return *manifest_digest_; }
    [[nodiscard]] const oci::Descriptor & layer_descriptor() const noexcept { return *layer_descriptor_; }
    /** All requests so far whose path contains `part`. */
    [[nodiscard]] std::vector<Asked> asked(const std::string & part = "") const;
    /** `text` with {main} and {other} filled in. */
    [[nodiscard]] std::string filled(std::string text) const;

private:
    Json put(const std::string & bytes, const std::string & media_type) const;
    void write_layout(const ImageParts & parts);
    void make_certificate() const;

    std::filesystem::path folder_;
    std::string layer_;
    std::optional<Digest> manifest_digest_;
    std::optional<oci::Descriptor> layer_descriptor_;
    Json ports_;
    bool tls_ = false;
};

/** Small delays, so that tests are quick; six tries, as by default. */
[[nodiscard]] RegistryLimits quick_limits();

/** Reads to the end. */
[[nodiscard]] std::string read_all(oci::ByteSource & source);

struct Failure {
    std::optional<Cause> cause; ///< none: it did not fail
    std::string sentence;
    bool operator==(const Failure &) const = default;
};
std::ostream & operator<<(std::ostream & out, const Failure & failure);

/** What `action` throws, with `site`'s ports replaced by MAIN and OTHER. */
template <class Action> Failure failure_of(const FaultSite & site, Action && action) {
    try {
        action();
    } catch (const RegistryError & error) {
        std::string text = error.what();
        for (const auto & [name, label] : {std::pair{"main", "MAIN"}, std::pair{"other", "OTHER"}}) {
            const std::string port = site.filled(std::string{"{"} + name + "}");
            for (std::size_t at = text.find(":" + port); at != std::string::npos; at = text.find(":" + port))
                text.replace(at, port.size() + 1, std::string{":"} + label);
        }
        return {error.cause(), text};
    }
    return {};
}

} // namespace shifter::registry::testing
