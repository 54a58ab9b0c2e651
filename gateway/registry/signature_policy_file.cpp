// policy.json, as text.
#include "registry/signature_policy.hpp"

#include "base/error.hpp"
#include "oci/json_limits.hpp"

#include <algorithm>
#include <initializer_list>

#include <nlohmann/json.hpp>

namespace shifter::registry {
namespace {

using Json = nlohmann::json;
using Requirements = std::vector<SignatureRequirement>;

constexpr std::size_t max_policy_bytes = 1U << 20U;

/** A part of the policy is refused: where, and why. */
class BadPart : public Error {
public:
    using Error::Error;
};

[[noreturn]] void refuse(const std::string & where, const std::string & why) { throw BadPart{where + " " + why}; }

/** Names that are not known could be rules: nothing is passed over. */
void allow_only(const Json & object, const std::string & where, std::initializer_list<std::string_view> names) {
    if (!object.is_object()) refuse(where, "is not an object");
    for (const auto & [name, value] : object.items())
        if (std::find(names.begin(), names.end(), name) == names.end())
            refuse(where, "has " + shifter::quoted(name) + ", which this gateway does not know how to enforce");
}

std::string text_of(const Json & object, const char * name, const std::string & where) {
    if (!object.contains(name) || !object[name].is_string()) refuse(where, "needs a text " + shifter::quoted(name));
    return object[name].get<std::string>();
}

std::vector<std::string> texts_of(const Json & object, const char * name, const std::string & where) {
    const Json & list = object[name];
    std::vector<std::string> texts;
    for (const Json & each : list) {
        if (!list.is_array() || !each.is_string()) break;
        texts.push_back(each.get<std::string>());
    }
    if (texts.empty() || texts.size() != list.size())
        refuse(where, "needs a list of at least one text as " + shifter::quoted(name));
    return texts;
}

/** Scopes that no image can have would be rules that are passed over. */
void check_scope(const std::string & scope) {
    const auto is_location = [](std::string_view) { return true; };
    const bool is_host = scope.find('/') == std::string::npos;
    if (!is_host && (scope.front() == '*' || !ImageReference::parse(scope, "", is_location)))
        refuse("the scope " + shifter::quoted(scope), "is no registry with a repository, or the beginning of one");
}

class Reader {
public:
    explicit Reader(const SignaturePolicy::ReadKey & read_key) : read_key_{read_key} {}

    [[nodiscard]] Requirements requirements(const Json & list, const std::string & where) const {
        if (!list.is_array() || list.empty()) refuse(where, "is not a list of at least one rule");
        Requirements result;
        for (const Json & each : list) result.push_back(requirement(each, where));
        return result;
    }

private:
    [[nodiscard]] SignatureRequirement requirement(const Json & rule, const std::string & where) const {
        using Kind = SignatureRequirement::Kind;
        const std::string type = rule.is_object() ? text_of(rule, "type", where) : "";
        SignatureRequirement result;
        if (type == "insecureAcceptAnything" || type == "reject") {
            allow_only(rule, where, {"type"});
            result.kind = type == "reject" ? Kind::reject : Kind::accept;
            return result;
        }
        if (type == "signedBy")
            refuse(where, "has a rule of type signedBy: signatures by GPG are not checked by this gateway, those of "
                          "sigstore are (sigstoreSigned)");
        if (type != "sigstoreSigned")
            refuse(where, "has a rule of the type " + shifter::quoted(type) + ", which there is not");
        allow_only(rule, where, {"type", "keyPath", "keyPaths", "keyData", "keyDatas", "signedIdentity"});
        result.kind = Kind::sigstore;
        result.keys = keys(rule, where);
        for (const std::string & key : result.keys)
            if (const auto why = refuse_key(key)) refuse(where, "names a key that cannot be used: " + *why);
        if (rule.contains("signedIdentity")) read_identity(rule["signedIdentity"], where, result);
        return result;
    }

    [[nodiscard]] std::vector<std::string> keys(const Json & rule, const std::string & where) const {
        std::vector<std::string> paths;
        std::vector<std::string> packed;
        unsigned members = 0;
        const auto take = [&](const char * one, const char * several, std::vector<std::string> & into) {
            if (rule.contains(one)) into = {text_of(rule, one, where)};
            if (rule.contains(several)) into = texts_of(rule, several, where);
            members += static_cast<unsigned>(rule.contains(one)) + static_cast<unsigned>(rule.contains(several));
        };
        take("keyPath", "keyPaths", paths);
        take("keyData", "keyDatas", packed);
        if (members != 1)
            refuse(where, "needs one of keyPath, keyPaths, keyData and keyDatas in its rule sigstoreSigned");
        std::vector<std::string> result;
        for (const std::string & path : paths) {
            const auto key = read_key_(path);
            if (!key) refuse(where, "names the key " + shifter::quoted(path) + ": " + key.error().what);
            result.push_back(*key);
        }
        for (const std::string & each : packed) {
            const auto key = base64_decoded(each);
            if (!key) refuse(where, "has keyData that is not base64");
            result.push_back(*key);
        }
        return result;
    }

    static void read_identity(const Json & identity, const std::string & where, SignatureRequirement & result) {
        const std::string inside = where + ": signedIdentity";
        if (!identity.is_object()) refuse(inside, "is not an object");
        const std::string type = text_of(identity, "type", inside);
        const bool has_reference = type == "exactReference";
        const bool has_repository = type == "exactRepository";
        if (has_reference) {
            allow_only(identity, inside, {"type", "dockerReference"});
            result.fixed_name = text_of(identity, "dockerReference", inside);
            result.signed_name = SignedName::exact_reference;
        } else if (has_repository) {
            allow_only(identity, inside, {"type", "dockerRepository"});
            result.fixed_name = text_of(identity, "dockerRepository", inside);
            result.signed_name = SignedName::exact_repository;
        } else {
            allow_only(identity, inside, {"type"});
            if (type == "matchExact") {
                result.signed_name = SignedName::exact;
            } else if (type == "matchRepository") {
                result.signed_name = SignedName::repository;
            } else if (type != "matchRepoDigestOrExact") {
                refuse(inside, "has the type " + shifter::quoted(type) + ", which this gateway does not know");
            }
        }
        const bool is_named = has_reference || has_repository;
        if (is_named && !ImageReference::parse(result.fixed_name))
            refuse(inside, "names " + shifter::quoted(result.fixed_name) + ", which is no image");
        if (is_named && names_version(result.fixed_name) != has_reference)
            refuse(inside, "names " + shifter::quoted(result.fixed_name) +
                               (has_reference ? ", which has neither a tag nor a digest"
                                              : ", which has a tag or a digest beside its repository"));
    }

    const SignaturePolicy::ReadKey & read_key_;
};

} // namespace

Expected<SignaturePolicy> SignaturePolicy::parse(std::string_view text, const ReadKey & read_key) {
    oci::DocumentLimits limits;
    limits.max_bytes = max_policy_bytes;
    if (auto refused = oci::refuse_json(text, limits)) return *std::move(refused);
    try {
        const Json json = Json::parse(text);
        const Reader reader{read_key};
        SignaturePolicy policy;
        allow_only(json, "the policy", {"default", "transports"});
        if (!json.contains("default")) refuse("the policy", "has no \"default\"");
        policy.default_ = reader.requirements(json["default"], "the default");
        if (!json.contains("transports")) return policy;
        if (!json["transports"].is_object()) refuse("transports", "is not an object");
        for (const auto & [transport, scopes] : json["transports"].items()) {
            // Nothing comes to this gateway by any other.
            const bool is_sent = std::find(sent_by.begin(), sent_by.end(), transport) != sent_by.end();
            if (!is_sent && transport != "docker") continue;
            if (!scopes.is_object()) refuse("transports." + transport, "is not an object");
            for (const auto & [scope, rules] : scopes.items()) {
                const std::string where = "the scope " + shifter::quoted(scope) + " of " + transport;
                if (is_sent) { // other scopes are paths of the sender's machine
                    if (scope.empty()) policy.sent_[transport] = reader.requirements(rules, where);
                    continue;
                }
                check_scope(scope);
                if (!policy.scopes_.emplace(canonical_scope(scope), reader.requirements(rules, where)).second)
                    refuse(where, "is there twice, under two names of one registry");
            }
        }
        return policy;
    } catch (const BadPart & refused) {
        return ParseError{0, refused.what()};
    }
}

} // namespace shifter::registry
