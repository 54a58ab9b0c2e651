/**
 * @file
 * Whose signature an image needs, by registry and namespace: policy.json as containers/image has it, for images of
 * registries; and sigstore ("cosign") signatures, checked against the site's keys without asking anybody.
 *
 * Formats: containers-policy.json(5); cosign's "Signature Specification" (simple signing). Of the policy the types
 * insecureAcceptAnything, reject and sigstoreSigned with keys are known; everything else is refused in words, since a
 * rule that were passed over would let in what the site keeps out.
 */
#pragma once

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/expected.hpp"
#include "base/image_reference.hpp"
#include "oci/manifest.hpp"

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::registry {

/** How the name that was signed must fit the name that is pulled; `signedIdentity` of containers-policy.json(5). */
enum class SignedName { repo_digest_or_exact, exact, repository, exact_reference, exact_repository };

struct SignatureRequirement {
    enum class Kind { accept, reject, sigstore } kind = Kind::reject;
    std::vector<std::string> keys; ///< public keys in PEM; one of them is enough
    SignedName signed_name = SignedName::repo_digest_or_exact;
    std::string fixed_name; ///< of exact_reference and exact_repository
};

/** A payload and its signature, as they lie beside the image in the registry. */
struct ImageSignature {
    std::string payload;
    std::string signature; ///< base64
};

/** A payload that a manifest of signatures names. */
struct ListedSignature {
    oci::Descriptor payload;
    std::string signature;
};
/** The simple-signing layers of a manifest, with payloads of at most 64 KiB (cosign's have 300 bytes); layers of other
 * kinds are nobody's signature. */
[[nodiscard]] Expected<std::vector<ListedSignature>>
parse_signature_manifest(std::string_view json, unsigned most_signatures, const oci::DocumentLimits & limits);

/** How images come to the gateway without a registry, by their names as transports of a policy; "squashfs" is ours. */
inline constexpr std::array<const char *, 3> sent_by = {"docker-archive", "oci-archive", "squashfs"};

/** The policy keeps an image out. Nothing lasting: somebody may sign it the next moment. */
class KeptOut : public Error {
public:
    using Error::Error;
};

class SignaturePolicy {
public:
    /** The text of a key file. */
    using ReadKey = std::function<Expected<std::string>(const std::string & path)>;

    /** @param text  at most 1 MiB; every scope that an image could have is read */
    [[nodiscard]] static Expected<SignaturePolicy> parse(std::string_view text, const ReadKey & read_key);

    struct Rule {
        std::string scope; ///< in words: "scope reg.example.org/team", "the default"
        const std::vector<SignatureRequirement> * requirements; ///< all must hold; never empty
    };
    /**
     * The most specific one: repository with tag or digest, repository, namespaces, host, "*.domain", the default. A
     * registry is the same in upper case, with the port 443 or 80, and by each name of Docker Hub.
     */
    [[nodiscard]] Rule rule_for(const ImageReference & reference) const;
    /** Of what somebody sends: the scope "" of `transport`, one of sent_by, or the default. */
    [[nodiscard]] Rule rule_for_sent(const std::string & transport) const;

private:
    std::vector<SignatureRequirement> default_;
    std::map<std::string, std::vector<SignatureRequirement>> scopes_; ///< of transports.docker, canonical
    std::map<std::string, std::vector<SignatureRequirement>> sent_;   ///< of transports in sent_by, their scope ""
};

/**
 * @param digests  of the manifest, and of the index that led to it: a signature of either is one of the image
 * @param fetch    the signatures beside a digest; asked only where the rule wants one
 * @throws KeptOut that names the scope and the rule
 */
void enforce(const SignaturePolicy & policy, const ImageReference & reference, const std::vector<Digest> & digests,
             const std::function<std::vector<ImageSignature>(const Digest &)> & fetch);

/** For content that somebody sends, which has no signature. @throws KeptOut that names the transport and the rule */
void enforce_sent(const SignaturePolicy & policy, const std::string & transport, const std::string & name);

/** Whether the name of an image has a tag or a digest. */
[[nodiscard]] bool names_version(std::string_view name);
/** A scope of transport docker with its registry as rule_for() looks for it. */
[[nodiscard]] std::string canonical_scope(const std::string & scope);

/** Whether `signature` (base64) of `payload` was made with the private part of `pem`: ECDSA P-256, RSA or Ed25519. */
[[nodiscard]] bool verify_signature(const std::string & pem, std::string_view payload, std::string_view signature);

/** Nothing when it is not base64. */
[[nodiscard]] std::optional<std::string> base64_decoded(std::string_view text);

/** Why `pem` is no key that verify_signature() can use; nothing when it is. */
[[nodiscard]] std::optional<std::string> refuse_key(const std::string & pem);

} // namespace shifter::registry
