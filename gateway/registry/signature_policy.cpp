#include "registry/signature_policy.hpp"

#include "base/text.hpp"
#include "oci/json_limits.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace shifter::registry {
namespace {

using Json = nlohmann::json;
constexpr std::size_t max_payload_bytes = 64U << 10U;
constexpr const char * payload_media_type = "application/vnd.dev.cosign.simplesigning.v1+json";
constexpr const char * signature_annotation = "dev.cosignproject.cosign/signature";
constexpr std::string_view payload_type = "cosign container image signature";

/** "Reg.Example.org:443" and "reg.example.org" are one registry: another spelling must not lead past a rule. */
std::string canonical_host(std::string_view written) {
    std::string host = text::to_lower(written);
    for (const std::string_view port : {":443", ":80"})
        if (host.size() > port.size() && std::string_view{host}.substr(host.size() - port.size()) == port)
            host.resize(host.size() - port.size());
    return host == "index.docker.io" || host == "registry-1.docker.io" ? "docker.io" : host;
}

std::string repository_of(const ImageReference & reference) {
    const std::string host = canonical_host(reference.registry);
    const bool is_short = host == "docker.io" && reference.repository.find('/') == std::string::npos;
    return host + (is_short ? "/library/" : "/") + reference.repository;
}

/** What a payload says; nothing when it is none. */
struct Signed {
    ImageReference name;
    bool has_version; ///< a tag or a digest in the name; cosign leaves them out
    Digest digest;
};
std::optional<Signed> parse_payload(const std::string & payload) {
    oci::DocumentLimits limits;
    limits.max_bytes = max_payload_bytes;
    limits.max_depth = 16;
    if (oci::refuse_json(payload, limits)) return std::nullopt;
    const Json json = Json::parse(payload, nullptr, false);
    const auto text = [&](const char * pointer) -> std::string {
        const Json::json_pointer place{pointer};
        return json.contains(place) && json[place].is_string() ? json[place].get<std::string>() : "";
    };
    if (text("/critical/type") != payload_type) return std::nullopt;
    const std::string written = text("/critical/identity/docker-reference");
    auto name = ImageReference::parse(written);
    const auto digest = Digest::parse(text("/critical/image/docker-manifest-digest"));
    if (!name || !digest) return std::nullopt;
    return Signed{*std::move(name), names_version(written), *digest};
}

bool has_same_name(const SignatureRequirement & rule, const ImageReference & pulled, const Signed & said) {
    const auto wanted = rule.fixed_name.empty() ? pulled : *ImageReference::parse(rule.fixed_name);
    if (repository_of(wanted) != repository_of(said.name)) return false;
    const bool is_same = said.has_version && wanted.tag == said.name.tag && wanted.digest == said.name.digest;
    switch (rule.signed_name) {
    case SignedName::repository:
    case SignedName::exact_repository:
        return true;
    case SignedName::exact:
    case SignedName::exact_reference:
        return is_same;
    case SignedName::repo_digest_or_exact: // its digest is compared in any case
        return is_same || (wanted.tag.empty() && wanted.digest.has_value());
    }
    return false;
}

/** Why none of the signatures fulfils `rule`; nothing when one does. The reason is that of the best one. */
std::optional<std::string> why_not(const SignatureRequirement & rule, const ImageReference & pulled,
                                   const std::vector<std::pair<Digest, ImageSignature>> & signatures) {
    if (signatures.empty()) return "it has no signature";
    std::string reason = "it has no signature by the key of that rule";
    for (const auto & [digest, each] : signatures) {
        const auto fits = [&, &signature = each](const std::string & key) {
            return verify_signature(key, signature.payload, signature.signature);
        };
        // Not a word of a payload is believed before its signature is.
        if (std::none_of(rule.keys.begin(), rule.keys.end(), fits)) continue;
        const auto said = parse_payload(each.payload);
        if (!said) {
            reason = "its signature is of something else than an image";
        } else if (said->digest != digest) {
            reason = "its signature is of other content, " + said->digest.to_string();
        } else if (!has_same_name(rule, pulled, *said)) {
            reason = "its signature is for the name " + said->name.registry + "/" + said->name.repository +
                     (said->name.digest   ? "@" + said->name.digest->to_string()
                      : said->has_version ? ":" + said->name.tag
                                          : ", without a tag (signedIdentity matchRepository takes that)");
        } else {
            return std::nullopt;
        }
    }
    return reason;
}

} // namespace

bool names_version(std::string_view name) {
    const std::size_t slash = name.rfind('/');
    return name.find('@') != std::string_view::npos ||
           name.find(':', slash == std::string_view::npos ? 0 : slash) != std::string_view::npos;
}

std::string canonical_scope(const std::string & scope) {
    const std::size_t slash = std::min(scope.find('/'), scope.size());
    return canonical_host(scope.substr(0, slash)) + scope.substr(slash);
}

Expected<std::vector<ListedSignature>> parse_signature_manifest(std::string_view text, unsigned most_signatures,
                                                                const oci::DocumentLimits & limits) {
    if (auto refused = oci::refuse_json(text, limits)) return *std::move(refused);
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("layers") || !json["layers"].is_array())
        return ParseError{0, "it has no layers"};
    std::vector<ListedSignature> result;
    for (const Json & layer : json["layers"]) {
        const auto member = [&](const Json & object, const char * name) {
            return object.is_object() && object.contains(name) && object[name].is_string()
                       ? object[name].get<std::string>()
                       : std::string{};
        };
        if (member(layer, "mediaType") != payload_media_type || !layer.contains("annotations")) continue;
        const std::string signature = member(layer["annotations"], signature_annotation);
        const auto digest = Digest::parse(member(layer, "digest"));
        if (signature.empty()) continue;
        if (!digest || !layer.contains("size") || !layer["size"].is_number_unsigned())
            return ParseError{0, "a signature has no usable digest or size"};
        if (layer["size"].get<std::uint64_t>() > max_payload_bytes)
            return ParseError{0, "a signature's payload has more than 64 KiB"};
        if (result.size() == most_signatures)
            return ParseError{0, "it has more than " + std::to_string(most_signatures) +
                                     " signatures (Signatures in the gateway's configuration)"};
        result.push_back({{payload_media_type, *digest, layer["size"].get<std::uint64_t>(), std::nullopt}, signature});
    }
    return result;
}

SignaturePolicy::Rule SignaturePolicy::rule_for(const ImageReference & reference) const {
    std::vector<std::string> scopes;
    const std::string repository = repository_of(reference);
    // Of "name:tag@digest" the registry is never asked for the tag: it must not choose the rule.
    if (reference.digest) scopes.push_back(repository + "@" + reference.digest->to_string());
    if (!reference.digest) scopes.push_back(repository + ":" + reference.tag);
    for (std::string scope = repository;; scope.resize(scope.rfind('/'))) {
        scopes.push_back(scope);
        if (scope.find('/') == std::string::npos) break;
    }
    const std::string host = canonical_host(reference.registry);
    for (std::size_t dot = host.find('.'); dot != std::string::npos; dot = host.find('.', dot + 1))
        scopes.push_back("*" + host.substr(dot));
    for (const std::string & scope : scopes)
        if (const auto found = scopes_.find(scope); found != scopes_.end()) return {"scope " + scope, &found->second};
    if (const auto found = scopes_.find(""); found != scopes_.end())
        return {"the default of transport docker", &found->second};
    return {"the default", &default_};
}

SignaturePolicy::Rule SignaturePolicy::rule_for_sent(const std::string & transport) const {
    if (const auto found = sent_.find(transport); found != sent_.end())
        return {"the default of transport " + transport, &found->second};
    return {"the default", &default_};
}

void enforce_sent(const SignaturePolicy & policy, const std::string & transport, const std::string & name) {
    const auto rule = policy.rule_for_sent(transport);
    for (const SignatureRequirement & each : *rule.requirements) {
        if (each.kind == SignatureRequirement::Kind::accept) continue;
        const bool is_rejected = each.kind == SignatureRequirement::Kind::reject;
        throw KeptOut{"cannot publish " + name + ": the site's signature policy (" + rule.scope + ": " +
                      (is_rejected ? "reject) does not let it in"
                                   : "sigstoreSigned) does not let it in: what is sent as " + transport +
                                         " has no signature; push it to a registry of the site, and sign it there")};
    }
}

void enforce(const SignaturePolicy & policy, const ImageReference & reference, const std::vector<Digest> & digests,
             const std::function<std::vector<ImageSignature>(const Digest &)> & fetch) {
    using Kind = SignatureRequirement::Kind;
    const auto rule = policy.rule_for(reference);
    const auto refuse_image = [&](const char * type, const std::string & why) {
        throw KeptOut{"cannot pull " + reference.to_string() + ": the site's signature policy (" + rule.scope + ": " +
                      type + ") does not let it in" + (why.empty() ? "" : ": " + why)};
    };
    for (const SignatureRequirement & each : *rule.requirements)
        if (each.kind == Kind::reject) refuse_image("reject", "");
    std::vector<std::pair<Digest, ImageSignature>> signatures;
    const auto wants_signature = [](const SignatureRequirement & each) { return each.kind == Kind::sigstore; };
    if (std::any_of(rule.requirements->begin(), rule.requirements->end(), wants_signature))
        for (const Digest & digest : digests)
            for (ImageSignature & each : fetch(digest)) signatures.emplace_back(digest, std::move(each));
    for (const SignatureRequirement & each : *rule.requirements) {
        if (each.kind != Kind::sigstore) continue;
        if (const auto why = why_not(each, reference, signatures)) refuse_image("sigstoreSigned", *why);
    }
}

} // namespace shifter::registry
