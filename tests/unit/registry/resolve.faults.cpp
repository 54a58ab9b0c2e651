#include "fault_site.hpp"

#include "base/installed_paths.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::registry;
using namespace shifter::registry::testing;

namespace {

const Platform amd64 = *Platform::parse("linux/amd64");

RegistryClient client_of(const FaultSite & site, RegistryLimits limits = quick_limits()) {
    return {site.location(), std::nullopt, std::move(limits), {}};
}

/** How resolving `selector` fails. */
Failure resolve_failure(const FaultSite & site, const std::string & selector = ":1", const Platform & platform = amd64,
                        const RegistryLimits & limits = quick_limits()) {
    RegistryClient client = client_of(site, limits);
    return failure_of(site, [&] { (void)client.resolve(site.reference(selector), platform); });
}

std::string one_fault(const std::string & fault) { return R"({"faults":[)" + fault + "]}"; }

const std::string app = "cannot pull reg.example.org/team/app:1: ";

} // namespace

TEST_CASE("an image is resolved and its layer read, anonymously") {
    const FaultSite site;
    RegistryClient client = client_of(site);
    const ResolvedImage image = client.resolve(site.reference(), amd64);
    CHECK(image.manifest_digest == site.manifest_digest());
    CHECK_FALSE(image.index_digest);
    CHECK(image.config.env == std::vector<std::string>{"A=1"});
    CHECK(oci::digest_of(image.config_json) == image.manifest.config.digest);
    CHECK(image.anonymous);
    REQUIRE(image.manifest.layers.size() == 1);
    std::uint64_t counted = 0;
    const auto source =
        client.open_blob("team/app", image.manifest.layers[0], 1 << 20, [&](std::uint64_t n) { counted += n; });
    CHECK(read_all(*source) == site.layer());
    CHECK(counted == site.layer().size());
    CHECK_FALSE(client.used_credentials());
    CHECK(site.asked().front().agent == std::string{"shifter-gateway/"} + installed::version);
}

TEST_CASE("R7: a tag is asked for once, and all that follows has a digest") {
    const FaultSite site;
    RegistryClient client = client_of(site);
    const ResolvedImage image = client.resolve(site.reference(":index"), amd64);
    CHECK(image.manifest_digest == site.manifest_digest());
    CHECK(image.index_digest.has_value());
    CHECK(site.asked("manifests/index").size() == 1);
    CHECK(site.asked("manifests/sha256:").size() == 1);
    CHECK(site.asked().size() == 3);
}

TEST_CASE("an image is resolved by digest, also when a tag stands beside it") {
    const FaultSite site;
    const std::string selector = GENERATE(as<std::string>{}, "@", ":gone@");
    RegistryClient client = client_of(site);
    CHECK(client.resolve(site.reference(selector + site.manifest_digest().to_string()), amd64).manifest_digest ==
          site.manifest_digest());
}

TEST_CASE("R8: what is not there is said to be not there") {
    const FaultSite site;
    CHECK(resolve_failure(site, ":ubntu") == Failure{Cause::not_found,
                                                     "cannot pull reg.example.org/team/app:ubntu: "
                                                     "127.0.0.1:MAIN does not have it (404); is the name right?"});
    CHECK(site.asked().size() == 1);
    CHECK(resolve_failure(site, ":index", *Platform::parse("linux/s390x")) ==
          Failure{Cause::not_found, "cannot pull reg.example.org/team/app:index: it has no image for linux/s390x; "
                                    "it has linux/amd64, linux/arm64/v8"});
    CHECK(resolve_failure(site, ":1", *Platform::parse("linux/arm64")) ==
          Failure{Cause::not_found, app + "it is built for linux/amd64, and this system needs linux/arm64"});
}

TEST_CASE("R8: passing faults are tried again, and lasting ones are not") {
    auto [fault, tries] = GENERATE(table<std::string, std::size_t>({
        {R"("times":2,"do":"status","status":500)", 3},
        {R"("times":2,"do":"status","status":502)", 3},
        {R"("times":5,"do":"status","status":503)", 6},
        {R"("times":1,"do":"status","status":504)", 2},
        {R"("times":1,"do":"status","status":429)", 2},
        {R"("times":1,"do":"status","status":408)", 2},
        {R"("times":3,"do":"drop")", 4},
        {R"("times":3,"do":"truncate","bytes":10)", 4},
        {R"("times":1,"do":"stall","bytes":10,"seconds":3)", 2},
    }));
    INFO(fault);
    const FaultSite site{one_fault(R"({"match":"manifests",)" + fault + "}")};
    CHECK(resolve_failure(site) == Failure{});
    CHECK(site.asked("manifests").size() == tries);
}

TEST_CASE("R8: a fault that lasts ends in a sentence that tells what it was") {
    auto [fault, cause, sentence, tries] = GENERATE(table<std::string, Cause, std::string, std::size_t>({
        {R"("do":"status","status":503)", Cause::registry_fault, "127.0.0.1:MAIN answered 503 (tried 6 times)", 6},
        {R"("do":"status","status":429)", Cause::registry_fault,
         "127.0.0.1:MAIN answered 429 (too many requests) (tried 6 times)", 6},
        {R"("do":"status","status":403)", Cause::denied,
         "127.0.0.1:MAIN refused access (403); log in with shifterimg login", 1},
        {R"("do":"status","status":401)", Cause::denied,
         "127.0.0.1:MAIN refused access (401): it does not exist there, or needs a login (shifterimg login)", 1},
        {R"("do":"status","status":418)", Cause::registry_fault, "127.0.0.1:MAIN answered 418", 1},
        {R"("do":"status","status":204)", Cause::registry_fault, "127.0.0.1:MAIN answered 204", 1},
        {R"("do":"drop")", Cause::registry_fault, "127.0.0.1:MAIN broke the connection (tried 6 times)", 6},
        {R"("do":"truncate","bytes":5)", Cause::registry_fault, "127.0.0.1:MAIN broke the connection (tried 6 times)",
         6},
        {R"("do":"garbage")", Cause::registry_fault, "127.0.0.1:MAIN does not speak HTTP: Unsupported protocol", 1},
    }));
    INFO(fault);
    const FaultSite site{one_fault(R"({"match":"manifests",)" + fault + "}")};
    CHECK(resolve_failure(site) == Failure{cause, app + sentence});
    CHECK(site.asked("manifests").size() == tries);
}

TEST_CASE("R8: Retry-After is obeyed, within our own limit") {
    const FaultSite site{
        one_fault(R"({"match":"manifests","times":1,"do":"status","status":429,"headers":{"Retry-After":"1"}})")};
    CHECK(resolve_failure(site) == Failure{});
    const auto asked = site.asked("manifests");
    REQUIRE(asked.size() == 2);
    CHECK(asked[1].time - asked[0].time >= 1.0);

    const FaultSite patient{
        one_fault(R"({"match":"manifests","times":1,"do":"status","status":503,"headers":{"Retry-After":"86400"}})")};
    RegistryLimits limits = quick_limits();
    limits.max_delay = std::chrono::seconds{1};
    CHECK(resolve_failure(patient, ":1", amd64, limits) == Failure{});
}

TEST_CASE("I26: content that does not match its digest or size is refused") {
    auto [selector, fault, sentence] = GENERATE(table<std::string, std::string, std::string>({
        {"@", R"({"match":"manifests","do":"corrupt"})", "127.0.0.1:MAIN sent something else than MANIFEST"},
        {":1",
         R"({"match":"manifests","do":"header","headers":{"Docker-Content-Digest":"sha256:)" + std::string(64, 'a') +
             R"("}})",
         "127.0.0.1:MAIN sent something else than sha256:" + std::string(64, 'a')},
        {":1", R"({"match":"manifests","do":"header","headers":{"Docker-Content-Digest":"../../x"}})",
         "127.0.0.1:MAIN names an unusable digest: a digest looks like sha256:<64 hexadecimal digits>"},
        {":index", R"({"match":"manifests/sha256","do":"corrupt"})",
         "127.0.0.1:MAIN sent something else than MANIFEST"},
        {":index", R"({"match":"manifests/sha256","do":"long","bytes":3})",
         "127.0.0.1:MAIN sent LONGER bytes in place of SIZE for MANIFEST"},
        {":1", R"({"match":"blobs","do":"corrupt"})", "127.0.0.1:MAIN sent something else than CONFIG"},
        {":1", R"({"match":"blobs","do":"document","body":"{}"})",
         "127.0.0.1:MAIN sent 2 bytes in place of CONFIGSIZE for CONFIG"},
    }));
    INFO(fault);
    const FaultSite site{one_fault(fault)};
    if (selector == "@") selector += site.manifest_digest().to_string();
    const FaultSite whole; // the same bytes, so the same digests
    RegistryClient other = client_of(whole);
    const ResolvedImage image = other.resolve(whole.reference(":index"), amd64);
    Failure failure = resolve_failure(site, selector);
    CHECK(failure.cause == Cause::bad_content);
    const auto replace = [&failure](const std::string & what, const std::string & by) {
        if (const std::size_t at = failure.sentence.find(what); at != std::string::npos)
            failure.sentence.replace(at, what.size(), by);
    };
    const std::string prefix = "cannot pull " + site.reference(selector).to_string() + ": ";
    REQUIRE(failure.sentence.substr(0, prefix.size()) == prefix);
    failure.sentence.erase(0, prefix.size());
    replace(image.manifest_digest.to_string(), "MANIFEST");
    replace(image.manifest.config.digest.to_string(), "CONFIG");
    if (const auto at = sentence.find("CONFIGSIZE"); at != std::string::npos)
        sentence.replace(at, 10, std::to_string(image.manifest.config.size_bytes));
    if (sentence.find("LONGER") != std::string::npos) {
        const std::size_t size = std::stoul(failure.sentence.substr(failure.sentence.find("of ") + 3));
        replace(std::to_string(size + 3), "LONGER");
        replace(std::to_string(size), "SIZE");
    }
    CHECK(failure.sentence == sentence);
}

TEST_CASE("I27: a document that is two things, too deep, too long or no image is refused") {
    auto [fault, cause, sentence] = GENERATE(table<std::string, Cause, std::string>({
        {R"("do":"document","body":"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}")", Cause::bad_content,
         "the manifest is refused: it can be read as an index and as a manifest"},
        {R"("do":"document","unit":"[","repeat":100000)", Cause::bad_content,
         "the manifest is refused: it is nested more than 32 levels deep"},
        {R"("do":"document","unit":" ","repeat":5000000)", Cause::over_limit,
         "127.0.0.1:MAIN sent a document of more than 4194304 bytes"},
        {R"("do":"document","body":"<html>","headers":{"Content-Type":"text/html"})", Cause::bad_content,
         "the manifest is refused: it is not JSON (byte 1)"},
        {R"("do":"document","body":"{\"schemaVersion\":1,\"fsLayers\":[]}")", Cause::bad_content,
         "the manifest is refused: it uses the schema 1 format, which was given up in 2017 and names no digest of a "
         "whole "
         "image; push the image again with a current tool"},
        {R"("do":"header","headers":{"Content-Type":"application/vnd.docker.distribution.manifest.v2+json"})",
         Cause::bad_content,
         "the manifest is refused: the registry says that it is "
         "\"application/vnd.docker.distribution.manifest.v2+json\", and "
         "it says that it is \"application/vnd.oci.image.manifest.v1+json\""},
    }));
    INFO(fault);
    const FaultSite site{one_fault(R"({"match":"manifests",)" + fault + "}")};
    CHECK(resolve_failure(site) == Failure{cause, app + sentence});
}

TEST_CASE("I27: an index that leads to an index, or to itself, is refused") {
    const std::string inner = R"({"schemaVersion":2,"manifests":[]})";
    ImageParts parts;
    parts.index["manifests"] = {{{"mediaType", "application/vnd.oci.image.index.v1+json"},
                                 {"digest", oci::digest_of(inner).to_string()},
                                 {"size", inner.size()},
                                 {"platform", {{"os", "linux"}, {"architecture", "amd64"}}}}};
    const FaultSite site{one_fault(R"({"match":"manifests/sha256","do":"document","body":)" + Json(inner).dump() + "}"),
                         parts};
    CHECK(resolve_failure(site, ":index") ==
          Failure{Cause::bad_content, "cannot pull reg.example.org/team/app:index: its index leads to another index"});
}

TEST_CASE("a configuration that does not fit its manifest is refused") {
    ImageParts parts;
    parts.config["rootfs"]["diff_ids"] = Json::array();
    CHECK(resolve_failure(FaultSite{"{}", parts}) ==
          Failure{Cause::bad_content, app + "its manifest has 1 layers and its configuration 0"});
    parts.config.erase("rootfs");
    CHECK(resolve_failure(FaultSite{"{}", parts}) ==
          Failure{Cause::bad_content, app + "its configuration is refused: it has no object \"rootfs\""});
}

TEST_CASE("R16: the limits on a layer and on a document have two sides") {
    const FaultSite site;
    RegistryLimits limits = quick_limits();
    limits.max_layer_bytes = site.layer().size();
    CHECK(resolve_failure(site, ":1", amd64, limits) == Failure{});
    limits.max_layer_bytes -= 1;
    CHECK(resolve_failure(site, ":1", amd64, limits) ==
          Failure{Cause::over_limit, app + "its layer " + site.layer_descriptor().digest.to_string() +
                                         " has 300000 bytes, more than 299999"});
    RegistryClient client = client_of(site, limits);
    CHECK(failure_of(site, [&] { (void)client.open_blob("team/app", site.layer_descriptor(), 1 << 20); }) ==
          Failure{Cause::over_limit, "cannot fetch " + site.layer_descriptor().digest.to_string() +
                                         ": it has 300000 bytes, more than 299999"});

    ImageParts parts;
    parts.manifest = {{"config", {{"size", (4U << 20U) + 1}}}};
    const Failure failure = resolve_failure(FaultSite{"{}", parts});
    CHECK(failure.cause == Cause::over_limit);
    CHECK_THAT(failure.sentence, Catch::Matchers::EndsWith(" is a document of 4194305 bytes, more than 4194304"));
}

TEST_CASE("I30: a registry that sends a document slowly is given up in time") {
    const FaultSite site{one_fault(R"({"match":"manifests","do":"slow","bytes":1,"seconds":0.2})")};
    RegistryLimits limits = quick_limits();
    limits.attempts = 1;
    limits.document_timeout = std::chrono::seconds{1};
    limits.min_bytes_per_second = 1;
    const auto begin = std::chrono::steady_clock::now();
    CHECK(resolve_failure(site, ":1", amd64, limits) ==
          Failure{Cause::unreachable, app + "127.0.0.1:MAIN did not answer in time"});
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{2});
}

TEST_CASE("R8: a registry that cannot be reached is said to be so") {
    const FaultSite site;
    Location location = site.location();
    location.url = "http://127.0.0.1:1";
    RegistryClient client{location, std::nullopt, quick_limits(), {}};
    CHECK(
        failure_of(site, [&] { (void)client.resolve(site.reference(), amd64); }) ==
        Failure{Cause::unreachable, app + "127.0.0.1:1 cannot be reached: Couldn't connect to server (tried 6 times)"});
    location.url = "http://no-such-host.invalid";
    RegistryClient nowhere{location, std::nullopt, quick_limits(), {}};
    CHECK(failure_of(site, [&] { (void)nowhere.resolve(site.reference(), amd64); }) ==
          Failure{Cause::unreachable,
                  app + "no-such-host.invalid cannot be reached: Couldn't resolve host name (tried 6 times)"});
}

TEST_CASE("I29: only http and https are spoken, and https is not given up") {
    const FaultSite site;
    Location location = site.location();
    location.url = "https://" + site.host();
    RegistryClient client{location, std::nullopt, quick_limits(), {}};
    const Failure failure = failure_of(site, [&] { (void)client.resolve(site.reference(), amd64); });
    CHECK(failure.cause == Cause::unreachable);
    CHECK_THAT(failure.sentence, Catch::Matchers::StartsWith(app + "127.0.0.1:MAIN cannot be spoken to by https: "));
    CHECK(site.asked().empty());
    location.url =
        GENERATE(as<std::string>{}, "ftp://127.0.0.1", "file:///etc/passwd", "http://user:secret@127.0.0.1", "");
    CHECK_THROWS_AS((RegistryClient{location, std::nullopt, quick_limits(), {}}), Error);
}

TEST_CASE("a certificate that nobody vouches for is refused, and one that the site's CA signed is taken") {
    const FaultSite site{"{}", {}, true};
    CHECK(resolve_failure(site) == Failure{});
    Location location = site.location();
    location.ca_file.clear();
    RegistryClient client{location, std::nullopt, quick_limits(), {}};
    const Failure failure = failure_of(site, [&] { (void)client.resolve(site.reference(), amd64); });
    CHECK(failure ==
          Failure{Cause::unreachable,
                  app + "127.0.0.1:MAIN cannot be trusted: SSL certificate problem: self-signed certificate"});
}

TEST_CASE("a registry that wants a client certificate gets the site's, and what it gives for that is everybody's") {
    const FaultSite site{R"({"client_certificate":true})", {}, true};
    CHECK_FALSE(resolve_failure(site) == Failure{});
    Location location = site.location();
    location.certificate_file = site.ca_file(); // the server's own is the one that it lets in
    location.key_file = site.key_file();
    RegistryClient client{location, std::nullopt, quick_limits(), {}};
    CHECK(client.resolve(site.reference(), amd64).anonymous);
    location.key_file = "/nonexistent";
    RegistryClient broken{location, std::nullopt, quick_limits(), {}};
    const Failure failure = failure_of(site, [&] { (void)broken.resolve(site.reference(), amd64); });
    CHECK(failure.cause);
}

TEST_CASE("I28: the site's client certificate is shown to no other origin than the registry's own") {
    const FaultSite site{R"({"client_certificate":true})", {}, true};
    Location location = site.location();
    location.mirrors = {location.url}; // the same server, which wants the certificate,
    location.url = site.url("other");  // and is another origin than the registry's
    location.mirrors_are_public = true;
    location.certificate_file = site.ca_file();
    location.key_file = site.key_file();
    RegistryClient client{location, std::nullopt, quick_limits(), {}};
    CHECK(client.resolve(site.reference(), amd64).anonymous);
    for (const Asked & asked : site.asked()) CHECK(asked.server == "other");
}

TEST_CASE("the proxy that the location names is used") {
    const FaultSite site;
    Location location = site.location();
    location.proxy = site.url("other");
    RegistryClient client{location, std::nullopt, quick_limits(), {}};
    (void)failure_of(site, [&] { (void)client.resolve(site.reference(), amd64); });
    REQUIRE_FALSE(site.asked().empty());
    CHECK(site.asked().front().server == "other");
    CHECK(site.asked().front().path == site.url() + "/v2/team/app/manifests/1");
}

TEST_CASE("a stop is a stop within a second, in the middle of an answer or of a pause") {
    const std::string fault = GENERATE(as<std::string>{}, R"("do":"stall","bytes":10,"seconds":20)",
                                       R"("do":"status","status":429,"headers":{"Retry-After":"20"})");
    const FaultSite site{one_fault(R"({"match":"manifests",)" + fault + "}")};
    RegistryLimits limits; // the product's own, which are longer than this test
    std::stop_source stop;
    RegistryClient client{site.location(), std::nullopt, limits, stop.get_token()};
    const std::jthread stopper{[&stop] {
        std::this_thread::sleep_for(std::chrono::milliseconds{300});
        stop.request_stop();
    }};
    const auto begin = std::chrono::steady_clock::now();
    CHECK(failure_of(site, [&] { (void)client.resolve(site.reference(), amd64); }) ==
          Failure{Cause::stopped, app + "it was stopped"});
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::milliseconds{1300});
}
