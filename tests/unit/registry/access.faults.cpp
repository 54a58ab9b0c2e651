#include "fault_site.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::registry;
using namespace shifter::registry::testing;

namespace {

const Platform amd64 = *Platform::parse("linux/amd64");
const std::string app = "cannot pull reg.example.org/team/app:1: ";
// base64 of alice:s3cret
const std::string alice = "Basic YWxpY2U6czNjcmV0";

Credentials alices() { return {"alice", Secret{"s3cret"}}; }

struct Result {
    Failure failure;
    bool anonymous = true;
};

Result resolve(const FaultSite & site, const Location & location, std::optional<Credentials> credentials) {
    RegistryClient client{location, std::move(credentials), quick_limits(), {}};
    Result result;
    result.failure = failure_of(site, [&] { result.anonymous = client.resolve(site.reference(), amd64).anonymous; });
    if (!result.failure.cause) CHECK(client.used_credentials() == !result.anonymous);
    return result;
}
Result resolve(const FaultSite & site, std::optional<Credentials> credentials = std::nullopt) {
    return resolve(site, site.location(), std::move(credentials));
}

/** How often the credentials were sent to a server. */
std::size_t logins(const FaultSite & site, const std::string & server) {
    std::size_t count = 0;
    for (const Asked & asked : site.asked()) count += asked.server == server && asked.authorization == alice ? 1 : 0;
    return count;
}

} // namespace

TEST_CASE("a registry that wants an anonymous token gets one, and no credentials (I28)") {
    const std::string field = GENERATE(as<std::string>{}, "token", "access_token");
    const FaultSite site{R"({"auth":{"kind":"bearer","field":")" + field + R"("}})"};
    const Result result = resolve(site, alices());
    CHECK(result.failure == Failure{});
    CHECK(result.anonymous);
    CHECK(logins(site, "main") == 0);
    const auto tokens = site.asked("/token");
    REQUIRE(tokens.size() == 1);
    // The scope is ours, not the one that the registry proposed.
    CHECK(tokens[0].path == "/token?service=test+service&scope=repository%3ateam%2fapp%3apull");
}

TEST_CASE("I28: credentials are used only after anonymous access was refused, and then the image is private") {
    const std::string auth = GENERATE(as<std::string>{}, R"("kind":"bearer")", R"("kind":"basic")");
    const FaultSite site{R"({"auth":{)" + auth + R"(,"user":"alice","password":"s3cret"}})"};
    const Result result = resolve(site, alices());
    CHECK(result.failure == Failure{});
    CHECK_FALSE(result.anonymous);
    CHECK(site.asked().front().authorization.empty());
    CHECK(logins(site, "main") > 0);
}

TEST_CASE("what the site's own login may read is everybody's, and nobody's own login is shown for it") {
    const std::string auth = GENERATE(as<std::string>{}, R"("kind":"bearer")", R"("kind":"basic")");
    const FaultSite site{R"({"auth":{)" + auth + R"(,"user":"alice","password":"s3cret"}})"};
    Location location = site.location();
    location.site_login = alices();
    const bool has_own = GENERATE(false, true);
    const Credentials bob{"bob", Secret{"other"}};
    const Result result = resolve(site, location, has_own ? std::optional{bob} : std::nullopt);
    CHECK(result.failure == Failure{});
    CHECK(result.anonymous);
    CHECK(logins(site, "main") > 0);
    for (const Asked & asked : site.asked())
        if (asked.authorization.rfind("Basic ", 0) == 0) CHECK(asked.authorization == alice);
}

TEST_CASE("I34: what the site's own login may not read is asked for with the user's, and private then") {
    const std::string auth = GENERATE(as<std::string>{}, R"("kind":"bearer")", R"("kind":"basic")");
    const FaultSite site{R"({"auth":{)" + auth + R"(,"user":"alice","password":"s3cret"}})"};
    Location location = site.location();
    location.site_login = Credentials{"site", Secret{"no longer good"}};
    const Result own = resolve(site, location, alices());
    CHECK(own.failure == Failure{});
    CHECK_FALSE(own.anonymous);
    CHECK(resolve(site, location, std::nullopt).failure.cause == Cause::denied);
}

TEST_CASE("I28: the site's own login goes neither to a mirror, nor to a realm that the registry merely names") {
    const FaultSite named{R"({"auth":{"kind":"bearer","realm":"http://localhost:{other}/token"}})"};
    Location location = named.location();
    location.site_login = alices();
    CHECK(resolve(named, location, std::nullopt).anonymous);
    CHECK(logins(named, "main") + logins(named, "other") == 0);

    const FaultSite mirrored{R"({"auth":{"kind":"bearer","user":"alice","password":"s3cret"}})"};
    Location behind = mirrored.location();
    behind.mirrors = {mirrored.url("other")};
    behind.site_login = alices();
    CHECK(resolve(mirrored, behind, std::nullopt).anonymous);
    CHECK(logins(mirrored, "other") == 0);
}

TEST_CASE("I34: a location with basic authentication makes an image private only when the login was needed (H7-17)") {
    auto [spec, anonymous] = GENERATE(table<std::string, bool>({
        {R"({"auth":{"kind":"basic","user":"alice","password":"s3cret"}})", false},
        {R"({"auth":{"kind":"basic","user":"alice","password":"s3cret","challenge":"Negotiate"}})", false},
        {"{}", true},
    }));
    const FaultSite site{spec};
    Location location = site.location();
    location.auth_method = AuthMethod::basic;
    const Result result = resolve(site, location, alices());
    CHECK(result.failure == Failure{});
    CHECK(result.anonymous == anonymous);
}

TEST_CASE("R8: a refusal says what to do, and shows no secret (I36)") {
    const std::string none =
        "127.0.0.1:MAIN refused access (401): it does not exist there, or needs a login (shifterimg login)";
    const std::string wrong = "127.0.0.1:MAIN refused the login as \"alice\" (401); log in anew with shifterimg login";
    auto [auth, with_login, sentence] = GENERATE_COPY(table<std::string, bool, std::string>({
        {R"("kind":"bearer","user":"bob","password":"x")", false, none},
        {R"("kind":"basic","user":"bob","password":"x")", false, none},
        {R"("kind":"bearer","user":"bob","password":"x")", true, wrong},
        {R"("kind":"basic","user":"bob","password":"x")", true, wrong},
        {R"("kind":"bearer","status":403)", false, "127.0.0.1:MAIN refused access (403); log in with shifterimg login"},
        {R"("kind":"basic","challenge":"Bearer realm=")", false, none},
        {R"("kind":"basic","challenge":"\u0001,;=")", false, none},
    }));
    INFO(auth);
    const FaultSite site{R"({"auth":{)" + auth + "}}"};
    CHECK(resolve(site, with_login ? std::optional{alices()} : std::nullopt).failure ==
          Failure{Cause::denied, app + sentence});
}

TEST_CASE("I30: a registry that refuses every token is left after a few") {
    const FaultSite site{R"({"auth":{"kind":"bearer","always_refuse":true}})"};
    const bool with_login = GENERATE(false, true);
    CHECK(resolve(site, with_login ? std::optional{alices()} : std::nullopt).failure.cause == Cause::denied);
    CHECK(site.asked("manifests").size() <= 5);
    CHECK(site.asked("/token").size() <= 5);
}

TEST_CASE("I30: a registry that takes a token and refuses it the next time is left after a few") {
    // Each token is good for one request, so each answer after the first is a 401 to a token that worked before.
    const FaultSite site{R"({"auth":{"kind":"bearer","uses":1}})"};
    CHECK(resolve(site).failure == Failure{});
    CHECK(site.asked("/token").size() == 2);
}

TEST_CASE("a token that runs out during a pull is renewed") {
    const FaultSite site{R"({"auth":{"kind":"bearer","expires_in":1}})"};
    RegistryClient client{site.location(), std::nullopt, quick_limits(), {}};
    const ResolvedImage image = client.resolve(site.reference(), amd64);
    std::this_thread::sleep_for(std::chrono::milliseconds{1100});
    CHECK(read_all(*client.open_blob("team/app", image.manifest.layers[0], 1 << 20)) == site.layer());
    CHECK(site.asked("/token").size() == 2);
    // It was renewed before it was refused: the blob was asked for once.
    CHECK(site.asked("blobs/" + image.manifest.layers[0].digest.to_string()).size() == 1);
}

TEST_CASE("a registry that withdraws a login's token gets a new one, by login again") {
    const FaultSite site{R"({"auth":{"kind":"bearer","user":"alice","password":"s3cret","uses":1}})"};
    const Result result = resolve(site, alices());
    CHECK(result.failure == Failure{});
    CHECK_FALSE(result.anonymous);
}

TEST_CASE("I28: credentials do not go to a realm that the registry merely names") {
    const FaultSite site{
        R"({"auth":{"kind":"bearer","user":"alice","password":"s3cret","realm":"http://localhost:{other}/token"}})"};
    CHECK(resolve(site, alices()).failure ==
          Failure{Cause::denied,
                  app + "127.0.0.1:MAIN wants the login to be sent to localhost:OTHER, which the configuration of "
                        "this registry does not name"});
    CHECK(logins(site, "main") + logins(site, "other") == 0);

    Location location = site.location();
    location.token_hosts = {"localhost"};
    const Result result = resolve(site, location, alices());
    CHECK(result.failure == Failure{});
    CHECK_FALSE(result.anonymous);
    CHECK(logins(site, "main") == 0);
    CHECK(logins(site, "other") == 1);
}

TEST_CASE("I29: an anonymous token may be asked of another host, within the rules for addresses") {
    const FaultSite site{R"({"auth":{"kind":"bearer","realm":"http://localhost:{other}/token"}})"};
    CHECK(resolve(site).failure == Failure{});
    static const std::string elsewhere = "127.0.0.1:MAIN wants a token of another host: it leads to ";
    static const std::string inside = ", an address inside the site or of this machine";
    auto [realm, sentence] = GENERATE(table<std::string, std::string>({
        {"http://169.254.169.254/latest/token", elsewhere + "169.254.169.254" + inside},
        {"http://[::ffff:169.254.169.254]/t", elsewhere + "[::ffff:169.254.169.254]" + inside},
        {"http://0.0.0.0:{other}/token", elsewhere + "0.0.0.0:OTHER" + inside},
        {"http://2852039166/token", elsewhere + "169.254.169.254" + inside},
        {"file:///etc/passwd",
         "127.0.0.1:MAIN names no usable place to ask for a token: only http and https URLs are used"},
        {"gopher://127.0.0.1:6379/_x",
         "127.0.0.1:MAIN names no usable place to ask for a token: only http and https URLs are used"},
        {"", "127.0.0.1:MAIN names no usable place to ask for a token: a URL is empty"},
    }));
    INFO(realm);
    const FaultSite bad{R"({"auth":{"kind":"bearer","realm":")" + realm + R"("}})"};
    CHECK(resolve(bad).failure.sentence == app + sentence);
    CHECK(bad.asked("token").empty());
}

TEST_CASE("I28: a registry spoken to by https cannot have a token asked for in clear text") {
    const FaultSite site{R"({"auth":{"kind":"bearer","realm":"http://127.0.0.1:{other}/token"}})", {}, true};
    CHECK(resolve(site, alices()).failure ==
          Failure{Cause::registry_fault, app + "127.0.0.1:MAIN wants a token to be asked for in clear text"});
    CHECK(site.asked("/token").empty());
}

TEST_CASE("I28: by https the login reaches the registry's own realm") {
    const FaultSite site{R"({"auth":{"kind":"bearer","user":"alice","password":"s3cret"}})", {}, true};
    const Result result = resolve(site, alices());
    CHECK(result.failure == Failure{});
    CHECK_FALSE(result.anonymous);
}

TEST_CASE("R8: a token server that fails is tried again, and then named") {
    auto [fault, cause, sentence] = GENERATE(table<std::string, Cause, std::string>({
        {R"("times":2,"do":"status","status":503)", Cause::stopped, ""},
        {R"("do":"status","status":503)", Cause::registry_fault, "127.0.0.1:MAIN answered 503 (tried 6 times)"},
        {R"("do":"status","status":404)", Cause::registry_fault,
         "127.0.0.1:MAIN has no tokens at the place that it names (404)"},
        {R"("do":"redirect","location":"http://127.0.0.1:{other}/token")", Cause::registry_fault,
         "127.0.0.1:MAIN redirects who asks for a token, which is not followed"},
        {R"("do":"document","body":"{}")", Cause::registry_fault,
         "127.0.0.1:MAIN gave an answer in place of a token: it has no token"},
        {R"("do":"document","body":"{\"token\":\"a\\r\\nX: y\"}")", Cause::registry_fault,
         "127.0.0.1:MAIN gave an answer in place of a token: its token cannot be a header"},
        {R"("do":"document","unit":"[","repeat":9999)", Cause::registry_fault,
         "127.0.0.1:MAIN gave an answer in place of a token: it is nested more than 32 levels deep"},
    }));
    INFO(fault);
    const FaultSite site{R"({"auth":{"kind":"bearer"},"faults":[{"match":"/token",)" + fault + "}]}"};
    CHECK(resolve(site).failure == (sentence.empty() ? Failure{} : Failure{cause, app + sentence}));
    CHECK(site.asked("/token").front().server == "main");
}
