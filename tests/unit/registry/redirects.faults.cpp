#include "fault_site.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::registry;
using namespace shifter::registry::testing;

namespace {

const Platform amd64 = *Platform::parse("linux/amd64");

/** Reads the layer without resolving first. */
Failure read_layer(const FaultSite & site, std::optional<Credentials> credentials = std::nullopt) {
    RegistryClient client{site.location(), std::move(credentials), quick_limits(), {}};
    return failure_of(site, [&] {
        const auto source = client.open_blob("team/app", site.layer_descriptor(), 1 << 20);
        const std::string got = read_all(*source);
        CHECK(got == site.layer());
    });
}

std::string redirect(const std::string & location, const std::string & more = "") {
    return R"({"faults":[{"match":"blobs","do":"redirect","location":")" + location + "\"}" + more + "]}";
}
const std::string to_store = "http://127.0.0.1:{other}{path}";

Failure failure(const FaultSite & site, Cause cause, const std::string & sentence) {
    return {cause, "cannot fetch " + site.layer_descriptor().digest.to_string() + " of team/app: " + sentence};
}

} // namespace

TEST_CASE("a blob is read from the store that the registry redirects to") {
    const int status = GENERATE(301, 302, 303, 307, 308);
    const FaultSite site{R"({"faults":[{"match":"blobs","do":"redirect","status":)" + std::to_string(status) +
                         R"(,"location":"http://127.0.0.1:{other}{path}"}]})"};
    CHECK(read_layer(site) == Failure{});
    CHECK(site.asked().back().server == "other");
}

TEST_CASE("I28: neither token nor login goes along a redirect to another origin") {
    const std::string auth =
        GENERATE(as<std::string>{}, R"("kind":"bearer")", R"("kind":"basic","user":"alice","password":"s3cret")");
    const FaultSite site{R"({"auth":{)" + auth + R"(},"faults":[
        {"match":"blobs","skip":1,"do":"redirect","location":"http://127.0.0.1:{other}{path}"}]})"};
    // The first request draws the challenge, the second is redirected.
    CHECK(read_layer(site, Credentials{"alice", Secret{"s3cret"}}) == Failure{});
    std::size_t at_store = 0;
    std::size_t with_authorization = 0;
    for (const Asked & asked : site.asked()) {
        at_store += asked.server == "other" ? 1 : 0;
        if (asked.server == "other")
            CHECK(asked.authorization.empty());
        else
            with_authorization += asked.authorization.empty() ? 0 : 1;
    }
    CHECK(at_store == 1);
    CHECK(with_authorization == 1);
}

TEST_CASE("I28: a redirect back does not bring the token back") {
    const FaultSite site{R"({"auth":{"kind":"bearer"},"faults":[
        {"match":"blobs","skip":1,"times":1,"do":"redirect","location":"http://127.0.0.1:{other}{path}"},
        {"server":"other","do":"redirect","location":"http://127.0.0.1:{main}{path}"}]})"};
    CHECK(read_layer(site) ==
          failure(site, Cause::registry_fault, "127.0.0.1:MAIN redirects to 127.0.0.1:MAIN, which answered 401"));
    CHECK(site.asked("blobs").back().server == "main");
    CHECK(site.asked("blobs").back().authorization.empty());
}

TEST_CASE("a redirect within the registry keeps the token") {
    const FaultSite site{R"({"auth":{"kind":"bearer"},"faults":[
        {"match":"/v2/team/app/blobs","skip":1,"do":"redirect","location":"/v2/elsewhere/blobs/sha256:{layer}"}]})"};
    CHECK(read_layer(site) == Failure{});
    CHECK(site.asked("elsewhere").size() == 1);
}

TEST_CASE("I29: a redirect to what is not http, or inside, or nowhere is refused") {
    auto [location, sentence] = GENERATE(table<std::string, std::string>({
        {"file:///etc/passwd", "127.0.0.1:MAIN redirects to an address that cannot be used"},
        {"ftp://127.0.0.1/x", "127.0.0.1:MAIN redirects to an address that cannot be used"},
        {"http://user:pw@127.0.0.1:{other}/x", "127.0.0.1:MAIN redirects to an address that cannot be used"},
        {"http://127.0.0.1:{other}/a b", "127.0.0.1:MAIN redirects to an address that cannot be used"},
        {"http://169.254.169.254/latest/meta-data/",
         "127.0.0.1:MAIN redirects: it leads to 169.254.169.254, an address inside the site or of this machine"},
        {"http://[fe80::1]/",
         "127.0.0.1:MAIN redirects: it leads to [fe80::1], an address inside the site or of this machine"},
        {"http://224.0.0.1/",
         "127.0.0.1:MAIN redirects: it leads to 224.0.0.1, an address inside the site or of this machine"},
    }));
    INFO(location);
    const FaultSite site{redirect(location)};
    CHECK(read_layer(site) == failure(site, Cause::registry_fault, sentence));
    CHECK(site.asked().size() == 1);
    const FaultSite nowhere{R"({"faults":[{"match":"blobs","do":"status","status":307}]})"};
    CHECK(read_layer(nowhere) == failure(nowhere, Cause::registry_fault, "127.0.0.1:MAIN redirects to nowhere"));
}

TEST_CASE("I29: https is not left for http by a redirect") {
    const FaultSite site{redirect(to_store), {}, true};
    CHECK(read_layer(site) == failure(site, Cause::registry_fault, "127.0.0.1:MAIN redirects from https to http"));
    for (const Asked & asked : site.asked()) CHECK(asked.server == "main");
}

TEST_CASE("I30: redirects end after a stated number") {
    const FaultSite site{redirect("{path}")};
    CHECK(read_layer(site) == failure(site, Cause::registry_fault, "127.0.0.1:MAIN redirects more than 5 times"));
    CHECK(site.asked().size() == 6);

    // The other side of the limit: five redirects are followed.
    const FaultSite five{R"({"faults":[{"match":"blobs","times":5,"do":"redirect","location":"{path}"}]})"};
    CHECK(read_layer(five) == Failure{});
}

TEST_CASE("I29: what a store answers is not shown, only its status") {
    auto [fault, sentence, tries] = GENERATE(table<std::string, std::string, std::size_t>({
        {R"("do":"status","status":403,"body":"secret-of-the-store")", "which answered 403", 1},
        {R"("do":"status","status":404)", "which answered 404", 1},
        {R"("do":"status","status":503)", "which answered 503 (tried 6 times)", 6},
    }));
    const FaultSite site{redirect(to_store, R"(,{"server":"other",)" + fault + "}")};
    CHECK(read_layer(site) ==
          failure(site, Cause::registry_fault, "127.0.0.1:MAIN redirects to 127.0.0.1:OTHER, " + sentence));
    CHECK(site.asked("blobs").size() == 2 * tries);
}

TEST_CASE("I28: a store that asks for a login is not given one") {
    const FaultSite site{redirect(to_store, R"(,{"server":"other","do":"status","status":401,
        "headers":{"WWW-Authenticate":"Basic realm=\"store\""}})")};
    CHECK(read_layer(site, Credentials{"alice", Secret{"s3cret"}}).cause == Cause::registry_fault);
    for (const Asked & asked : site.asked()) CHECK(asked.authorization.empty());
}

TEST_CASE("a transfer that breaks at the store goes on by way of the registry") {
    const FaultSite site{redirect(to_store, R"(,{"server":"other","times":1,"do":"truncate","bytes":100000})")};
    CHECK(read_layer(site) == Failure{});
    const auto asked = site.asked();
    REQUIRE(asked.size() == 4);
    CHECK(asked[2].server == "main"); // a signed URL may have run out by now
    CHECK(asked[3].range == "bytes=100000-");
}

TEST_CASE("a manifest may be redirected, too") {
    const FaultSite site{
        R"({"faults":[{"match":"manifests","do":"redirect","location":"http://127.0.0.1:{other}{path}"}]})"};
    RegistryClient client{site.location(), std::nullopt, quick_limits(), {}};
    CHECK(failure_of(site, [&] { CHECK(client.resolve(site.reference(), amd64).anonymous); }) == Failure{});
}
