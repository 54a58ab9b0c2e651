#include "registry/url.hpp"

#include <catch2/catch.hpp>

#include <string>

using shifter::registry::Url;

namespace {

Url url(const std::string & text) {
    auto parsed = Url::parse(text);
    if (!parsed) FAIL(text << ": " << parsed.error().what);
    return *std::move(parsed);
}

} // namespace

TEST_CASE("a URL is read into who is asked, and by which scheme") {
    auto [text, authority, host, https] = GENERATE(table<std::string, std::string, std::string, bool>({
        {"https://registry-1.docker.io", "registry-1.docker.io", "registry-1.docker.io", true},
        {"https://Reg.Example.ORG:5000/x?y#z", "reg.example.org:5000", "reg.example.org", true},
        {"https://reg.example.org:443/", "reg.example.org", "reg.example.org", true},
        {"http://127.0.0.1:80/", "127.0.0.1", "127.0.0.1", false},
        {"http://2130706433/", "127.0.0.1", "127.0.0.1", false},
        {"http://0x7f.1/", "127.0.0.1", "127.0.0.1", false},
        {"http://[::1]:5000/", "[::1]:5000", "::1", false},
    }));
    INFO(text);
    CHECK(url(text).authority() == authority);
    CHECK(url(text).host() == host);
    CHECK(url(text).is_https() == https);
    CHECK(url(url(text).to_string()) == url(text));
}

TEST_CASE("I29: what is no plain http URL is refused") {
    const std::string text = GENERATE(
        as<std::string>{}, "", "reg.example.org", "ftp://a/", "file:///etc/passwd", "gopher://a/", "http://user@a/",
        "http://user:pw@a/", "http://", "http://a:0/", "http://a:99999/", "http://a b/", "http://a/\n", "http://a/\x7f",
        std::string("http://a/\0b", 11), "http://" + std::string(9000, 'a'), "javascript:alert(1)", "//a/b");
    INFO(text);
    CHECK_FALSE(Url::parse(text).has_value());
}

TEST_CASE("a redirect is read beside the URL that it came from, under the same rules") {
    const Url base = url("https://a.example.org:5000/v2/x/blobs/y?q=1");
    auto [location, result] = GENERATE(table<std::string, std::string>({
        {"https://b.example.org/z", "https://b.example.org/z"},
        {"/z?a=b", "https://a.example.org:5000/z?a=b"},
        {"z", "https://a.example.org:5000/v2/x/blobs/z"},
        {"../../z", "https://a.example.org:5000/v2/z"},
        {"//b.example.org/z", "https://b.example.org/z"},
    }));
    INFO(location);
    const auto resolved = base.resolve(location);
    REQUIRE(resolved);
    CHECK(resolved->to_string() == result);
    CHECK_FALSE(base.resolve("file:///etc/passwd").has_value());
    CHECK_FALSE(base.resolve("https://u:p@b.example.org/").has_value());
    CHECK_FALSE(base.resolve("").has_value());
}

TEST_CASE("I28: an origin is scheme, host and port") {
    const Url base = url("https://a.example.org/x");
    auto [text, same] = GENERATE(table<std::string, bool>({
        {"https://a.example.org:443/y", true},
        {"https://A.example.org/", true},
        {"http://a.example.org:443/", false},
        {"https://a.example.org:444/", false},
        {"https://b.a.example.org/", false},
        {"https://a.example.org./", false},
    }));
    INFO(text);
    CHECK(base.same_origin(url(text)) == same);
}

TEST_CASE("paths are added after the registry's own, and values are encoded") {
    CHECK(url("https://a/").with_path("/v2/x/manifests/1").to_string() == "https://a/v2/x/manifests/1");
    CHECK(url("https://a/prefix/?q=1").with_path("/v2/x").to_string() == "https://a/prefix/v2/x");
    CHECK(url("https://a/t").with_query("service", "a b&c=d").with_query("scope", "r:x/y:pull").to_string() ==
          "https://a/t?service=a+b%26c%3dd&scope=r%3ax%2fy%3apull");
    CHECK(url("https://a/t?k=v").with_query("scope", "x").to_string() == "https://a/t?k=v&scope=x");
}
