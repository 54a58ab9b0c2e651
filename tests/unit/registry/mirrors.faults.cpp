#include "fault_site.hpp"

#include "support/collected_log.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::registry;
using namespace shifter::registry::testing;
using shifter::testing::CollectedLog;

namespace {

const Platform amd64 = *Platform::parse("linux/amd64");

/** Main is the registry; other is its mirror. */
Location mirrored(const FaultSite & site) {
    Location location = site.location();
    location.mirrors = {site.url("other")};
    location.mirrors_are_public = true;
    return location;
}

std::string on_mirror(const std::string & fault) {
    return R"({"auth":{"kind":"basic","user":"alice","password":"s3cret"},"faults":[{"server":"other",)" + fault +
           "}]}";
}

std::size_t asked_of(const FaultSite & site, const std::string & server) {
    std::size_t count = 0;
    for (const Asked & asked : site.asked()) count += asked.server == server ? 1 : 0;
    return count;
}

} // namespace

TEST_CASE("a mirror that has the image is all that is asked") {
    const FaultSite site;
    RegistryClient client{mirrored(site), std::nullopt, quick_limits(), {}};
    const ResolvedImage image = client.resolve(site.reference(), amd64);
    CHECK(read_all(*client.open_blob("team/app", image.manifest.layers[0], 1 << 20)) == site.layer());
    CHECK(asked_of(site, "main") == 0);
}

TEST_CASE("I31: what a mirror gives to everybody is as private as its registry says, unless the site knows better") {
    const std::string closed = R"({"auth":{"kind":"basic","user":"alice","password":"s3cret"}})";
    auto [spec, is_public, alice, anonymous] = GENERATE_COPY(table<std::string, bool, bool, std::optional<bool>>({
        {"{}", false, false, true},
        {closed, false, true, false},
        {closed, false, false, std::nullopt}, // nobody has shown that he may read it
        {closed, true, false, true},
        {R"({"faults":[{"do":"status","status":404}]})", false, false, std::nullopt},
        {R"({"faults":[{"do":"status","status":404}]})", true, false, true},
    }));
    INFO(spec << is_public << alice);
    const FaultSite site{spec};
    Location location = mirrored(site);
    location.mirrors_are_public = is_public;
    std::optional<Credentials> login;
    if (alice) login = Credentials{"alice", Secret{"s3cret"}};
    RegistryClient client{location, login, quick_limits(), {}};
    std::optional<bool> found;
    const Failure failure = failure_of(site, [&] { found = client.resolve(site.reference(), amd64).anonymous; });
    CHECK(found == anonymous);
    if (!anonymous)
        CHECK_THAT(failure.sentence, Catch::Matchers::StartsWith(
                                         "cannot pull reg.example.org/team/app:1: a mirror has it, and its "
                                         "registry, which decides who may read it, does not say: 127.0.0.1:MAIN"));
    for (const Asked & asked : site.asked())
        if (asked.server == "other") CHECK(asked.authorization.empty());
}

TEST_CASE("I31: a mirror that gives a layer to everybody does not say that he may take it from the cache") {
    const bool is_public = GENERATE(false, true);
    const FaultSite site{R"({"auth":{"kind":"basic","user":"alice","password":"s3cret"}})"};
    Location location = mirrored(site);
    location.mirrors_are_public = is_public;
    const auto may_read = [&](const std::optional<Credentials> & login) {
        RegistryClient client{location, login, quick_limits(), {}};
        const auto layer = RegistryClient{mirrored(site), std::nullopt, quick_limits(), {}}
                               .resolve(site.reference(), amd64)
                               .manifest.layers[0];
        return client.may_read_blob("team/app", layer);
    };
    CHECK(may_read(std::nullopt) == is_public);
    CHECK(may_read(Credentials{"alice", Secret{"s3cret"}}));
}

TEST_CASE("when a mirror fails, the registry is asked, with the login that the mirror never saw (I28)") {
    const std::string fault =
        GENERATE(as<std::string>{}, R"("do":"status","status":404)", R"("do":"status","status":503)",
                 R"("do":"status","status":401,"headers":{"WWW-Authenticate":"Basic realm=\"mirror\""})",
                 R"("do":"drop")", R"("do":"document","body":"{}")");
    INFO(fault);
    const FaultSite site{on_mirror(fault)};
    const CollectedLog warnings{log::Level::warning};
    RegistryClient client{mirrored(site), Credentials{"alice", Secret{"s3cret"}}, quick_limits(), {}};
    const ResolvedImage image = client.resolve(site.reference(), amd64);
    CHECK_FALSE(image.anonymous);
    CHECK(read_all(*client.open_blob("team/app", image.manifest.layers[0], 1 << 20)) == site.layer());
    for (const Asked & asked : site.asked())
        if (asked.server == "other") CHECK(asked.authorization.empty());
    CHECK(asked_of(site, "other") <= 2); // a mirror gets two tries, and blobs begin where the manifest was found
    CHECK_THAT(warnings.text(), Catch::Matchers::Contains("; the next place is asked"));
}

TEST_CASE("R7: a mirror that has the tag but not the blobs does not mix two images") {
    const FaultSite site{R"({"faults":[{"server":"other","match":"blobs","do":"status","status":404}]})"};
    const CollectedLog warnings{log::Level::warning};
    RegistryClient client{mirrored(site), std::nullopt, quick_limits(), {}};
    // The configuration is missing at the mirror, so all of it is resolved anew at the registry.
    const ResolvedImage image = client.resolve(site.reference(), amd64);
    CHECK(site.asked("manifests/1").size() == 2);
    CHECK(image.manifest_digest == site.manifest_digest());
}

TEST_CASE("a transfer that breaks at the mirror goes on at the registry") {
    const FaultSite site{
        R"({"faults":[{"server":"other","match":"blobs/sha256:{layer}","times":1,"do":"truncate","bytes":100000},
                                       {"server":"other","match":"blobs/sha256:{layer}","do":"status","status":404}]})"};
    const CollectedLog warnings{log::Level::warning};
    RegistryClient client{mirrored(site), std::nullopt, quick_limits(), {}};
    const ResolvedImage image = client.resolve(site.reference(), amd64);
    CHECK(read_all(*client.open_blob("team/app", image.manifest.layers[0], 1 << 20)) == site.layer());
    CHECK(site.asked().back().server == "main");
    CHECK(site.asked().back().range == "bytes=100000-");
}

TEST_CASE("I26: wrong bytes of a mirror end in a refusal, never in a layer") {
    const FaultSite site{R"({"faults":[{"server":"other","match":"blobs/sha256:{layer}","do":"corrupt"}]})"};
    RegistryClient client{mirrored(site), std::nullopt, quick_limits(), {}};
    const ResolvedImage image = client.resolve(site.reference(), amd64);
    CHECK(failure_of(site, [&] {
              (void)read_all(*client.open_blob("team/app", image.manifest.layers[0], 1 << 20));
          }).cause == Cause::bad_content);
}

TEST_CASE("when all fail, the registry's own reason is told") {
    const FaultSite site{R"({"faults":[{"server":"other","do":"status","status":503},{"do":"status","status":404}]})"};
    const CollectedLog warnings{log::Level::warning};
    RegistryClient client{mirrored(site), std::nullopt, quick_limits(), {}};
    CHECK(failure_of(site, [&] { (void)client.resolve(site.reference(), amd64); }) ==
          Failure{Cause::not_found,
                  "cannot pull reg.example.org/team/app:1: 127.0.0.1:MAIN does not have it (404); is the name right?"});
}
