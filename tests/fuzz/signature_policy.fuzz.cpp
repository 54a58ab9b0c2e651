// A policy, a manifest of signatures, and a payload, all of the same bytes. Beyond not crashing: what a policy says is
// the same each time, every image has a rule of it, and no bytes are a signature of themselves.
#include "registry/signature_policy.hpp"
#include "base/error.hpp"

#include <cstdlib>
#include <string>

namespace {

using namespace shifter;
using namespace shifter::registry;

const std::string key = "-----BEGIN PUBLIC KEY-----\n"
                        "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
                        "-----END PUBLIC KEY-----\n";

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    const std::string text{reinterpret_cast<const char *>(data), size};
    const auto read_key = [](const std::string &) -> Expected<std::string> { return key; };
    const auto image = ImageReference::parse("reg.example.org/team/app:1");
    const auto digest = Digest::parse("sha256:" + std::string(64, 'a'));
    if (!image || !digest) std::abort();
    if (const auto policy = SignaturePolicy::parse(text, read_key)) {
        const auto rule = policy->rule_for(*image);
        const auto respelled = ImageReference::parse("REG.example.org:443/team/app:1");
        if (!respelled || policy->rule_for(*respelled).requirements != rule.requirements) std::abort();
        for (const char * const transport : sent_by)
            if (policy->rule_for_sent(transport).requirements->empty()) std::abort();
        if (rule.requirements == nullptr || rule.requirements->empty()) std::abort();
        bool needs_signature = false;
        for (const auto & each : *rule.requirements)
            needs_signature = needs_signature || each.kind != SignatureRequirement::Kind::accept;
        try {
            enforce(*policy, *image, {*digest}, [&](const Digest &) {
                return std::vector<ImageSignature>{{text, text.substr(0, 88)}};
            });
            if (needs_signature) std::abort();
        } catch (const Error &) {
            if (!needs_signature) std::abort();
        }
    }
    (void)parse_signature_manifest(text, 32, {});
    if (verify_signature(key, text, text)) std::abort();
    return 0;
}
