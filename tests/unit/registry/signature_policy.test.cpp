#include "registry/signature_policy.hpp"

#include "base/error.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::registry;
using Catch::Matchers::Contains;

namespace {

// Made with openssl genpkey, dgst -sign and pkeyutl -sign; the private parts are gone.
const std::string ec_key = "-----BEGIN PUBLIC KEY-----\n"
                           "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHWxD6fevhfUBPAuCp8PL/McWrcAd\n"
                           "i60S0oGkJmYklNSOxOT3WG91xRma/AwvzLJKUW5pOQh2pfWf531kkkmCOw==\n"
                           "-----END PUBLIC KEY-----\n";
const std::string rsa_key = "-----BEGIN PUBLIC KEY-----\n"
                            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAonARKM/wvGe2y+cEHODb\n"
                            "0zsrESh1iyavSKSZW88OSOA9HRvnFdOSTZNKAI5K8E0tFUuOh2V9V/wHTYPlXNGj\n"
                            "eWboxBK80YBteMp3rnStnO9CvXCUjrZsdlQHREbk2ctc1VE5YGONCxrhubP7fs6+\n"
                            "pPeLekXPT7tAvhDyOUS8JmqLdnRGdbJj+hfk2yFq3YppOa/ybIM0Xgj5VdrW9IaQ\n"
                            "Fd7PaJw/goOUBnwOa8BwHnikCvGhxwQWJUtlQ9XLAD+SbTdq5rKDaB86NlWBR+vj\n"
                            "GyxlI8I373aAkl6hGQ1I8P1heZoO2QcLhvyApRAeRaJvXQMIrYBSrff3XeJXjueQ\n"
                            "swIDAQAB\n"
                            "-----END PUBLIC KEY-----\n";
const std::string ed_key = "-----BEGIN PUBLIC KEY-----\n"
                           "MCowBQYDK2VwAyEAcOK3hHNFCLbczkZ9UJKPlf4ZKjuwFTEpKbHyLgklCPk=\n"
                           "-----END PUBLIC KEY-----\n";
const std::string p384_key = "-----BEGIN PUBLIC KEY-----\n"
                             "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE88DO9sv6xyE0W+oDq6AySlLf4kgSs6Ne\n"
                             "eeEJIDIjombgFVKTD3ulI7KIgtl3X6eSP4xL3+VH+Ji+PesrhhXa5oAE2tYlxHT+\n"
                             "egagdNlAyBtUmpztQ2bmy4IT/25jw3rY\n"
                             "-----END PUBLIC KEY-----\n";
const std::string payload =
    R"({"critical":{"identity":{"docker-reference":"reg.example.org/team/app:1"},"image":{"docker-manifest-digest":)"
    R"("sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},"type":)"
    R"("cosign container image signature"},"optional":null})";
const std::string ec_signature =
    "MEUCIBbps8gdrxpYmUKDlJUVOV+KaaFoPqVGIg1ymIffT2SHAiEAq2lyEGvZ3ZKzfjnVSf45JUNO2oZ+vF3XsNwA"
    "M4lYays=";
const std::string rsa_signature =
    "kViTRQoWFiyKRzkk1Ryz0C0/gZ9OSjEMwjyPnro9MpcKJq+mBZYzEH4+YPSkQ+jZWgDpYmJJGVdkFzkf5yDfBwH0"
    "81+p+goGB0S87FJtAKN0wCh5iqiHUcG5sjCybHo3Ihz6ztO8vH+UPxR6Gc1oTyyr/BGJx9Zo/+EYVt0xXpLmyGEj"
    "r8RLbp+Zpw4zrC2Bi+WDcZqGD28ERL5/6eRHFNPXZvyMyYwxVDbU+nyuwi/oYcwjHFRXHZpsSFzs+uP9TX+wssN3"
    "C2WM26vnrHijdb1GvOVQ6M6tW0hERBUo+Em/9lKdsdQIQ7tJ4L+Pun5oDkN1PLRJc47SgthLGfYRaA==";
const std::string ed_signature =
    "GXmRvyULHXr7YsyQJnPH6KEYsS1HtrQMT63xZjlvmqkP9ncds1ukzQj7P/8gihzktyQSmhRXY/rQ5d3o+yewDA==";

const std::string tagless_key = "-----BEGIN PUBLIC KEY-----\n"
                                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECfFi26HFCihZHbjqoOavp5lQHOVk\n"
                                "tIBBlsSv9NlUlx/kgJVaE7g0sXCjXaRtudSBldJz6AgnlHXeJIRfGNpJDg==\n"
                                "-----END PUBLIC KEY-----\n";
const std::string tagless_payload =
    R"({"critical":{"identity":{"docker-reference":"reg.example.org/team/app"},"image":{"docker-manifest-digest":)"
    R"("sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},"type":)"
    R"("cosign container image signature"},"optional":null})";
const std::string tagless_signature =
    "MEUCIQD7Vv2J/BGCWkjjh7yWStTgCwQY12nslXrdWjcRzCX7wQIgTynJqYJoOoykG/LvDPFbeEdv5KhU8CBemH8DeMvW7pg=";

const Digest signed_digest = *Digest::parse("sha256:" + std::string(64, 'a'));
const Digest other_digest = *Digest::parse("sha256:" + std::string(64, 'b'));

Expected<std::string> key_file(const std::string & path) {
    if (path == "/k/ec") return ec_key;
    if (path == "/k/rsa") return rsa_key;
    if (path == "/k/ed") return ed_key;
    if (path == "/k/p384") return p384_key;
    if (path == "/k/ec2") return tagless_key;
    return ParseError{0, "No such file or directory"};
}

ImageReference reference(const std::string & text) { return *ImageReference::parse(text); }

SignaturePolicy policy(const std::string & text) {
    return SignaturePolicy::parse(text, key_file).value_or_throw("policy");
}

std::string refusal_of(const std::string & text) {
    const auto parsed = SignaturePolicy::parse(text, key_file);
    return parsed ? "it was taken" : parsed.error().what;
}

/** A policy whose one scope, reg.example.org/team, wants a signature. */
SignaturePolicy wants(const std::string & key, const std::string & identity = "") {
    return policy(R"({"default":[{"type":"reject"}],"transports":{"docker":{"reg.example.org/team":[{"type":)"
                  R"("sigstoreSigned","keyPath":"/k/)" +
                  key + '"' + (identity.empty() ? "" : ",\"signedIdentity\":" + identity) + "}]}}}");
}

/** What is said of an image with these signatures; "let in" when it is. */
std::string verdict(const SignaturePolicy & rules, const std::string & name, std::vector<ImageSignature> signatures,
                    const Digest & digest = signed_digest) {
    try {
        enforce(rules, reference(name), {digest}, [&](const Digest &) { return signatures; });
    } catch (const Error & error) {
        return error.what();
    }
    return "let in";
}

} // namespace

TEST_CASE("signatures by ECDSA P-256, RSA and Ed25519 are checked, and by nothing else") {
    const auto [key, signature] = GENERATE(
        table<std::string, std::string>({{ec_key, ec_signature}, {rsa_key, rsa_signature}, {ed_key, ed_signature}}));
    CHECK(verify_signature(key, payload, signature));
    CHECK_FALSE(verify_signature(key, payload + " ", signature));
    CHECK_FALSE(verify_signature(key, payload, ""));
    CHECK_FALSE(verify_signature(key, payload, "AAAA"));
    CHECK_FALSE(verify_signature(key, payload, "!" + signature.substr(1)));
    CHECK_FALSE(verify_signature(p384_key, payload, signature));
    CHECK_FALSE(verify_signature("", payload, signature));
}

TEST_CASE("an image with a good signature of its digest and its name is let in") {
    CHECK(verdict(wants("ec"), "reg.example.org/team/app:1", {{payload, ec_signature}}) == "let in");
    CHECK(verdict(wants("rsa"), "reg.example.org/team/app:1", {{payload, ec_signature}, {payload, rsa_signature}}) ==
          "let in");
    CHECK(verdict(wants("ed"), "reg.example.org/team/app@" + signed_digest.to_string(), {{payload, ed_signature}}) ==
          "let in");
    CHECK(verdict(wants("ec", R"({"type":"matchRepository"})"), "reg.example.org/team/app:2",
                  {{payload, ec_signature}}) == "let in");
    CHECK(verdict(wants("ec", R"({"type":"exactRepository","dockerRepository":"reg.example.org/team/app"})"),
                  "reg.example.org/team/copy:9", {{payload, ec_signature}}) == "let in");
}

TEST_CASE("I34: what is unsigned, or signed by, for or as something else is refused, with the scope and the rule") {
    const std::string front = "cannot pull reg.example.org/team/app:1: the site's signature policy (scope "
                              "reg.example.org/team: sigstoreSigned) does not let it in: ";
    const std::string name = "reg.example.org/team/app:1";
    CHECK(verdict(wants("ec"), name, {}) == front + "it has no signature");
    CHECK(verdict(wants("ec"), name, {{payload, rsa_signature}}) ==
          front + "it has no signature by the key of that rule");
    CHECK(verdict(wants("ec"), name, {{payload, ec_signature}}, other_digest) ==
          front + "its signature is of other content, " + signed_digest.to_string());
    CHECK_THAT(verdict(wants("ec"), "reg.example.org/team/app:2", {{payload, ec_signature}}),
               Contains("its signature is for the name reg.example.org/team/app:1"));
    CHECK_THAT(verdict(wants("ec"), "reg.example.org/team/other:1", {{payload, ec_signature}}),
               Contains("for the name"));
    CHECK_THAT(verdict(wants("ec", R"({"type":"matchExact"})"), "reg.example.org/team/app@" + signed_digest.to_string(),
                       {{payload, ec_signature}}),
               Contains("for the name"));
    CHECK(verdict(wants("ec"), "reg.example.org/else:1", {{payload, ec_signature}}) ==
          "cannot pull reg.example.org/else:1: the site's signature policy (the default: reject) does not let it in");
}

TEST_CASE("the most specific scope decides") {
    const auto rules = policy(R"({"default":[{"type":"reject"}],"transports":{"docker":{
        "":[{"type":"reject"}],"*.example.org":[{"type":"reject"}],"reg.example.org":[{"type":"reject"}],
        "reg.example.org/team":[{"type":"reject"}],"reg.example.org/team/app":[{"type":"reject"}],
        "reg.example.org/team/app:1":[{"type":"insecureAcceptAnything"}],
        "*.example.org:5000":[{"type":"reject"}]},"dir":{"":[{"type":"signedBy"}]}}})");
    const auto [name, scope] = GENERATE(table<std::string, std::string>({
        {"reg.example.org/team/app:1", "scope reg.example.org/team/app:1"},
        {"reg.example.org/team/app:2", "scope reg.example.org/team/app"},
        {"reg.example.org/team/b:1", "scope reg.example.org/team"},
        {"reg.example.org/teams/b:1", "scope reg.example.org"},
        {"a.b.example.org/x:1", "scope *.example.org"},
        {"ubuntu", "the default of transport docker"},
        // Another spelling does not lead past a rule.
        {"REG.Example.org:443/team/app:2", "scope reg.example.org/team/app"},
        {"reg.example.org:80/team/b:1", "scope reg.example.org/team"},
        {"reg.example.org:5000/team/b:1", "scope *.example.org:5000"},
        // Nobody asks the registry for the tag of a name that has a digest.
        {"reg.example.org/team/app:1@" + signed_digest.to_string(), "scope reg.example.org/team/app"},
    }));
    CHECK(rules.rule_for(reference(name)).scope == scope);
}

TEST_CASE("each name of Docker Hub is held to the same rule") {
    const auto rules = policy(R"({"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker":{
        "registry-1.docker.io/library":[{"type":"reject"}]}}})");
    const std::string name = GENERATE("ubuntu", "docker.io/ubuntu:1", "index.docker.io:443/ubuntu",
                                      "Registry-1.docker.io/library/ubuntu", "docker.io:443/library/ubuntu");
    CHECK(rules.rule_for(reference(name)).scope == "scope docker.io/library");
}

TEST_CASE("what users send is held to the rule of its transport, and else to the default") {
    const auto rules = policy(R"({"default":[{"type":"reject"}],"transports":{
        "docker":{"":[{"type":"insecureAcceptAnything"}]},
        "oci-archive":{"":[{"type":"sigstoreSigned","keyPath":"/k/ec"}],"/home":[{"type":"signedBy"}]},
        "squashfs":{"":[{"type":"insecureAcceptAnything"}]}}})");
    CHECK_THROWS_WITH(enforce_sent(rules, "docker-archive", "ann/app:1"),
                      "cannot publish ann/app:1: the site's signature policy (the default: reject) does not let it in");
    CHECK_THROWS_WITH(enforce_sent(rules, "oci-archive", "ann/app:1"),
                      Contains("(the default of transport oci-archive: sigstoreSigned)") &&
                          Contains("has no signature"));
    CHECK_NOTHROW(enforce_sent(rules, "squashfs", "ann/app:1"));
}

TEST_CASE("a name that was signed without a tag, as cosign does, stands for its repository alone") {
    const auto names_repository = R"({"type":"matchRepository"})";
    const std::string tagless = "reg.example.org/team/app";
    CHECK(names_version(tagless + ":1"));
    CHECK(names_version(tagless + "@" + signed_digest.to_string()));
    CHECK_FALSE(names_version(tagless));
    CHECK_FALSE(names_version("reg.example.org:5000/team/app"));
    CHECK(verdict(wants("ec2", names_repository), tagless + ":latest", {{tagless_payload, tagless_signature}}) ==
          "let in");
    CHECK(verdict(wants("ec2"), tagless + "@" + signed_digest.to_string(), {{tagless_payload, tagless_signature}}) ==
          "let in");
    CHECK_THAT(verdict(wants("ec2"), tagless + ":latest", {{tagless_payload, tagless_signature}}),
               Contains("without a tag (signedIdentity matchRepository takes that)"));
}

TEST_CASE("one of the keys of a rule is enough, and each of its rules must hold") {
    const std::string front = R"({"default":[{"type":"sigstoreSigned","keyPaths":)";
    const std::string name = "reg.example.org/team/app:1";
    CHECK(verdict(policy(front + R"(["/k/rsa","/k/ec"]}]})"), name, {{payload, ec_signature}}) == "let in");
    const auto both = policy(front + R"(["/k/rsa"]},{"type":"sigstoreSigned","keyPath":"/k/ec"}]})");
    CHECK_THAT(verdict(both, name, {{payload, ec_signature}}), Contains("no signature by the key of that rule"));
    CHECK(verdict(both, name, {{payload, ec_signature}, {payload, rsa_signature}}) == "let in");
}

TEST_CASE("a policy that could not be kept whole is refused in words") {
    const auto [text, words] = GENERATE(table<std::string, std::string>({
        {"", ""},
        {"[]", "is not an object"},
        {"{}", "has no \"default\""},
        {R"({"default":[]})", "at least one rule"},
        {R"({"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k"}]})",
         "signatures by GPG are not checked"},
        {R"({"default":[{"type":"anything"}]})", "which there is not"},
        {R"({"default":[{"type":"reject","more":1}]})", "does not know how to enforce"},
        {R"({"default":[{"type":"reject"}],"other":1})", "\"other\""},
        {R"({"default":[{"type":"sigstoreSigned"}]})", "needs one of keyPath, keyPaths, keyData and keyDatas"},
        {R"({"default":[{"type":"sigstoreSigned","keyPath":"/k/ec","keyDatas":["AAAA"]}]})", "needs one of keyPath"},
        {R"({"default":[{"type":"sigstoreSigned","keyPaths":[]}]})", "at least one text"},
        {R"({"default":[{"type":"sigstoreSigned","keyPaths":["/k/ec","/k/p384"]}]})", "only P-256"},
        {R"({"default":[{"type":"sigstoreSigned","keyPath":"/none"}]})", "No such file"},
        {R"({"default":[{"type":"sigstoreSigned","keyPath":"/k/p384"}]})", "only P-256"},
        {R"({"default":[{"type":"sigstoreSigned","keyData":"!!!!"}]})", "not base64"},
        {R"({"default":[{"type":"sigstoreSigned","keyPath":"/k/ec","rekorPublicKeyPath":"/r"}]})",
         "rekorPublicKeyPath"},
        {R"({"default":[{"type":"sigstoreSigned","fulcio":{}}]})", "fulcio"},
        {R"({"default":[{"type":"sigstoreSigned","keyPath":"/k/ec","signedIdentity":{"type":"remapIdentity"}}]})",
         "remapIdentity"},
        {R"({"default":[{"type":"sigstoreSigned","keyPath":"/k/ec","signedIdentity":{"type":"exactReference"}}]})",
         "dockerReference"},
        {R"({"default":[{"type":"sigstoreSigned","keyPath":"/k/ec","signedIdentity":{"type":"exactReference",)"
         R"("dockerReference":"reg.example.org/a"}}]})",
         "neither a tag nor a digest"},
        {R"({"default":[{"type":"sigstoreSigned","keyPath":"/k/ec","signedIdentity":{"type":"exactRepository",)"
         R"("dockerRepository":"reg.example.org/a:1"}}]})",
         "a tag or a digest beside"},
        {R"({"default":[{"type":"reject"}],"transports":{"docker":{"reg.example.org/team/":[{"type":"reject"}]}}})",
         "is no registry with a repository"},
        {R"({"default":[{"type":"reject"}],"transports":{"docker":{"Reg.example.org":[{"type":"reject"}],)"
         R"("reg.example.org:443":[{"type":"reject"}]}}})",
         "twice, under two names"},
        {R"({"default":[{"type":"reject"}],"transports":{"oci-archive":{"":[{"type":"signedBy"}]}}})", "by GPG"},
    }));
    CHECK_THAT(refusal_of(text), Contains(words) && !Contains("it was taken"));
}

TEST_CASE("of a manifest of signatures only simple-signing layers count, and a malformed one is refused") {
    const oci::DocumentLimits limits;
    const std::string digest = signed_digest.to_string();
    const auto list = [&](const std::string & layers) {
        return parse_signature_manifest("{\"layers\":[" + layers + "]}", 2, limits);
    };
    const std::string type = R"("mediaType":"application/vnd.dev.cosign.simplesigning.v1+json")";
    const std::string mark = R"("annotations":{"dev.cosignproject.cosign/signature":"AAAA"})";
    const auto good = list("{" + type + R"(,"size":5,"digest":")" + digest + "\"," + mark + R"(},{"mediaType":"x"})");
    REQUIRE(good);
    REQUIRE(good->size() == 1);
    const std::string one = "{" + type + R"(,"size":5,"digest":")" + digest + "\"," + mark + "}";
    CHECK(list(one + "," + one)); // R16: Signatures is 2 here
    CHECK_THAT(list(one + "," + one + "," + one).error().what, Contains("more than 2 signatures (Signatures"));
    CHECK(list("{" + type + R"(,"size":65536,"digest":")" + digest + "\"," + mark + "}"));
    CHECK_FALSE(list("{" + type + R"(,"size":65537,"digest":")" + digest + "\"," + mark + "}"));
    CHECK(good->front().signature == "AAAA");
    CHECK_FALSE(list("{" + type + R"(,"size":5,"digest":"../x",)" + mark + "}"));
    CHECK_FALSE(parse_signature_manifest("{}", 2, limits));
    CHECK_FALSE(parse_signature_manifest("[", 2, limits));
}
