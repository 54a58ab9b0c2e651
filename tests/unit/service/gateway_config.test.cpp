#include "service/gateway_config.hpp"
#include "unit/catalog/samples.hpp"

#include <catch2/catch.hpp>

#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

using namespace shifter;
using namespace shifter::service;
using std::chrono::seconds;

namespace {

/** A small configuration, with more keys in front. */
std::string with(const std::string & more) {
    return "{" + more + R"("CacheDirectory":"/cache","Platforms":{"alpha":{"local":{"imageDir":"/images"}}}})";
}

ParsedGatewayConfig parse(const std::string & text) { return parse_gateway_config(text, "f"); }

std::vector<std::string> errors_of(const ParsedGatewayConfig & parsed) {
    std::vector<std::string> errors;
    for (const auto & problem : parsed.problems)
        if (problem.is_error) errors.push_back(problem.what);
    return errors;
}

} // namespace

TEST_CASE("the contract's sample configuration is read (7.9)") {
    const auto parsed = parse(
        R"({"WorkerThreads":8,"DefaultImageLocation":"registry-1.docker.io","DefaultImageFormat":"squashfs",
"PullUpdateTimeout":300,
 "ImageExpirationTimeout":"90:00:00:00","MongoDBURI":"mongodb://localhost/","MongoDB":"Shifter",
"CacheDirectory":"/images/cache/",
 "ExpandDirectory":"/images/expand/","Locations":{"registry-1.docker.io":{"remotetype":"dockerv2",
"authentication":"http"}},
 "Platforms":{"alpha":{"mungeSocketPath":"/var/run/munge/munge.socket.2","accesstype":"local","admins":["root"],
 "usergroupService":"local","local":{"imageDir":"/images"}}}})");
    CHECK(errors_of(parsed).empty());
    REQUIRE(parsed.usable());
    const auto & settings = parsed.config.settings;
    CHECK(settings.worker_threads == 8);
    CHECK(settings.default_location == "registry-1.docker.io");
    CHECK(settings.locations.at("registry-1.docker.io").url == "https://registry-1.docker.io");
    CHECK(settings.image_expiration == seconds{90 * 86'400});
    CHECK(settings.cache_directory == "/images/cache");
    CHECK(settings.systems.at("alpha").munge_socket == "/var/run/munge/munge.socket.2");
    CHECK(settings.systems.at("alpha").admins == std::vector<std::string>{"root"});
    CHECK(settings.systems.at("alpha").storage.directory == "/images");
    CHECK(parsed.config.database == "/images/cache/catalog.sqlite");
    CHECK(parsed.problems.size() == 5); // MongoDBURI, MongoDB, ExpandDirectory, authentication, usergroupService: notes
}

TEST_CASE("what is not written has its default") {
    const auto parsed = parse(with(""));
    REQUIRE(parsed.usable());
    CHECK(parsed.problems.empty());
    const auto & config = parsed.config;
    CHECK(config.listen == std::vector<api::ListenAddress>{{.host = "127.0.0.1", .port = 5000}});
    CHECK(config.settings.locations.at("docker.io").url == "https://registry-1.docker.io");
    CHECK(config.settings.default_location == "docker.io");
    CHECK(config.settings.pull_policy.update_timeout == seconds{300});
    CHECK(config.settings.import_right == pull::ImportRight::nobody);
    CHECK(config.settings.registries.allowed.empty());
    CHECK_FALSE(config.anonymous_read);
    CHECK(config.authentication == Authentication::munge);
}

TEST_CASE("every key reaches its setting") {
    const auto parsed = parse(
        R"({"Listen":["127.0.0.1:0","[::1]:5001"],"CacheDirectory":"/c","Database":"sqlite:/d/x.sqlite",
"AllowedRegistries":["*.example.org"],
"InsecureRegistries":"reg:5000","ImageExpirationTimeout":"1:2:3:4","PullUpdateTimeout":7,"WorkerThreads":3,"SmallPullBytes":"2M",
"Authentication":"mock","AnonymousRead":true,
"Metrics":true,"LogLevel":"debug","DefaultImageLocation":"hub","Squashfs":{"Codec":"xz","Level":9,
"BlockSize":"128K","Owners":"keep","Modes":"keep","Xattrs":"user","Threads":2,"ParallelLayers":1},
"Limits":{"BodyBytes":"1M","Connections":10,"IdleTimeout":2,"LayerBytes":"2G","Layers":127,"Entries":1000,
"FirstDelay":50,"HttpThreads":2,"PullLease":4,"AccountAge":0},
"Locations":{"hub":{"url":"http://127.0.0.1:1","authMethod":"basic","mirrors":["https://m"],"mirrorAccess":"public",
"tokenHosts":["t"],"proxy":"http://p","sslcacert":"/dev/null"}},
"Platforms":{"alpha":{"admins":"ann","platform":"linux/arm64","PublicMode":"0640","PrivateMode":"0640",
"Group":"7","local":{"imageDir":"/i"}}}})");
    for (const auto & problem : parsed.problems) INFO(problem.what);
    REQUIRE(parsed.problems.empty());
    const auto & config = parsed.config;
    CHECK(config.listen.size() == 2);
    CHECK(config.database == "/d/x.sqlite");
    CHECK(config.settings.registries.allowed == std::vector<std::string>{"*.example.org"});
    CHECK(config.settings.registries.insecure == std::vector<std::string>{"reg:5000"});
    CHECK(config.settings.image_expiration == seconds{86'400 + 7'200 + 180 + 4});
    CHECK(config.settings.pull_policy.update_timeout == seconds{7});
    CHECK(config.settings.small_pull_bytes == 2U << 20U);
    CHECK(config.authentication == Authentication::mock);
    CHECK(config.anonymous_read);
    CHECK(config.settings.metrics);
    CHECK(config.log_level == log::Level::debug);
    CHECK(config.settings.squash.codec == squash::Codec::xz);
    CHECK(config.settings.squash.level == 9);
    CHECK(config.settings.squash.block_bytes == 131'072);
    CHECK(config.settings.squash.owners == squash::Owners::keep);
    CHECK(config.settings.squash.xattrs == squash::Xattrs::user);
    CHECK(config.server.max_body_bytes == 1U << 20U);
    CHECK(config.server.idle_timeout == seconds{2});
    CHECK(config.account_age == seconds{0});
    CHECK(config.settings.registry_limits.max_layer_bytes == std::uint64_t{2} << 30U);
    CHECK(config.settings.registry_limits.documents.max_layers == 127);
    CHECK(config.settings.registry_limits.first_delay == std::chrono::milliseconds{50});
    CHECK(config.settings.unpack_limits.max_entries == 1000);
    CHECK(config.settings.pull_lease == seconds{4});
    const auto & location = config.settings.locations.at("hub");
    CHECK(location.auth_method == registry::AuthMethod::basic);
    CHECK(location.mirrors == std::vector<std::string>{"https://m"});
    CHECK(location.mirrors_are_public);
    const auto & system = config.settings.systems.at("alpha");
    CHECK(system.admins == std::vector<std::string>{"ann"});
    CHECK(system.platform.architecture == "arm64");
    CHECK(system.storage.public_mode == 0640);
    CHECK(system.storage.group == 7);
}

TEST_CASE("a system has one platform, or several of which the first is for who does not say which he means") {
    const auto read = [](const std::string & value) {
        return parse(R"({"CacheDirectory":"/c","Platforms":{"a":{"local":{"imageDir":"/i"},"platform":)" + value +
                     "}}}");
    };
    const auto several = read(R"(["amd64","linux/arm64","i686"])");
    REQUIRE(several.usable());
    CHECK(several.config.settings.systems.at("a").platform.to_string() == "linux/amd64");
    CHECK(names_of(several.config.settings.systems.at("a").more_platforms) == "linux/arm64, linux/386");
    CHECK(read(R"(["linux/arm64"])").config.settings.systems.at("a").more_platforms.empty());
    auto [value, sentence] = GENERATE(table<std::string, std::string>({
        {R"(["linux/amd64","x86_64"])", "\"x86_64\" means the same machines as linux/amd64"},
        {R"(["linux/arm64/v8","arm64"])", "\"arm64\" means the same machines as linux/arm64/v8"},
        {R"(["linux/amd64","a b"])", "\"a b\": \"a b\" is no part of a platform such as linux/arm64/v8"},
        {"[]", "names no platform"},
        {"[[]]", "must be a text, not a list"},
    }));
    CHECK(errors_of(read(value)) == std::vector<std::string>{"f:1: Platforms.a.platform: " + sentence});
}

TEST_CASE("who may import: nobody, everybody, or the names, an empty list is nobody (7.8, H7-24)") {
    auto [value, right, names] = GENERATE(table<std::string, pull::ImportRight, std::size_t>({
        {"null", pull::ImportRight::nobody, 0},
        {"\"None\"", pull::ImportRight::nobody, 0},
        {"\"none\"", pull::ImportRight::nobody, 0},
        {"[]", pull::ImportRight::nobody, 0},
        {"\"all\"", pull::ImportRight::everybody, 0},
        {"[\"ann\", \"1001\"]", pull::ImportRight::listed, 2},
        {"[\"all\"]", pull::ImportRight::listed, 1},
    }));
    const auto parsed = parse(with("\"ImportUsers\":" + value + ","));
    INFO(value);
    REQUIRE(parsed.usable());
    CHECK(parsed.config.settings.import_right == right);
    CHECK(parsed.config.settings.importers.size() == names);
}

TEST_CASE("I37: a value of a wrong type or range is refused with file, line and key") {
    auto [more, what] = GENERATE(table<std::string, std::string>({
        {"\n\"WorkerThreads\":0,", "f:2: WorkerThreads: must be a number from 1 to 256, not 0"},
        {"\"WorkerThreads\":\"8\",", "f:1: WorkerThreads: must be a number from 1 to 256, not \"8\""},
        {"\"WorkerThreads\":1.5,", "f:1: WorkerThreads: must be a number from 1 to 256, not 1.5"},
        {"\"Metrics\":\"yes\",", "f:1: Metrics: must be true or false, not \"yes\""},
        {"\"Listen\":\"localhost:5000\",",
         "f:1: Listen: \"localhost:5000\": \"localhost\" is not an IP address (an IPv6 address stands in brackets)"},
        {"\"Listen\":[],", "f:1: Listen: names no address"},
        {"\"Database\":\"mysql://x\",",
         "f:1: Database: must be postgresql://…, or \"sqlite:\" and an absolute path, not \"mysql://x\""},
        {"\"WorkerName\":\"a/b\",",
         "f:1: WorkerName: must be one word of at most 255 bytes, without \"/\", not \"a/b\""},
        {"\"Limits\":{\"PullLease\":3},", "f:1: Limits.PullLease: must be a number from 4 to 3600, not 3"},
        {"\"Limits\":{\"PullLease\":3601},", "f:1: Limits.PullLease: must be a number from 4 to 3600, not 3601"},
        {"\"ImageExpirationTimeout\":\"90\",",
         "f:1: ImageExpirationTimeout: must be days:hours:minutes:seconds, not \"90\""},
        {"\"ImageExpirationTimeout\":\"0:0:0:0\",", "f:1: ImageExpirationTimeout: must be longer than nothing"},
        {"\"LogLevel\":\"loud\",", "f:1: LogLevel: \"loud\" is none of: error, critical, warn, warning, info, debug"},
        {"\"DefaultImageFormat\":\"ext4\",", "f:1: DefaultImageFormat: must be squashfs, not \"ext4\""},
        {"\"DefaultImageLocation\":\"hub\",", "f:1: DefaultImageLocation: \"hub\" is none of Locations"},
        {"\"Squashfs\":{\"BlockSize\":\"96K\"},", "f:1: Squashfs.BlockSize: must be a power of two, not 98304"},
        {"\"Squashfs\":[],", "f:1: Squashfs: must be an object"},
        {"\"Limits\":{\"BodyBytes\":\"1\"},",
         "f:1: Limits.BodyBytes: must be a size such as 64K, from 1024 to 16777216 bytes, not \"1\""},
        {"\"Locations\":{\"docker.io\":{\"remotetype\":\"dockerhub\"}},",
         "f:1: Locations.docker.io.remotetype: must be dockerv2, not \"dockerhub\""},
        {"\"Locations\":{\"docker.io\":{\"url\":\"ftp://x\"}},",
         "f:1: Locations.docker.io.url: must begin with https:// or http://, not \"ftp://x\""},
        {"\"Locations\":{\"docker.io\":{\"sslcacert\":\"/nonexistent\"}},",
         "f:1: Locations.docker.io.sslcacert: cannot read \"/nonexistent\": No such file or directory"},
        {"\"Authentication\":\"mock\",\"Listen\":\"0.0.0.0:1\",",
         "f:1: Authentication: mock lets anybody be anybody; it needs Listen on loopback alone"},
    }));
    const auto parsed = parse(with(more));
    CHECK_FALSE(parsed.usable());
    CHECK(errors_of(parsed) == std::vector<std::string>{what});
}

TEST_CASE("programs and policies that protect must be there, and nobody else's to change") {
    CHECK(errors_of(parse(with("\"examiner\":\"scan\","))) ==
          std::vector<std::string>{"f:1: examiner: must be an absolute path, not \"scan\""});
    CHECK_FALSE(parse(with("\"examiner\":\"/nowhere/scan\",")).usable());
    CHECK_FALSE(parse(with("\"examiner\":\"/etc/passwd\",")).usable());
    CHECK(parse(with("\"examiner\":\"/bin/true\",")).usable());
    CHECK(parse(with("\"examiner\":null,")).usable());
    CHECK(errors_of(parse(with("\"SignaturePolicy\":\"/nowhere\","))) ==
          std::vector<std::string>{"f:1: SignaturePolicy: cannot open \"/nowhere\": No such file or directory"});
    CHECK_FALSE(parse(with("\"SignaturePolicy\":\"/etc/passwd\",")).usable());
    CHECK_FALSE(
        parse(R"({"CacheDirectory":"/c","Platforms":{"a":{"policy_file":"/p","local":{"imageDir":"/i"}}}})").usable());
}

TEST_CASE("I36: a login and a key of the site's own must be there, be one, and be nobody else's to read") {
    auto [location, what] = GENERATE(table<std::string, std::string>({
        {"\"loginFile\":\"login\"", "loginFile: must be an absolute path, not \"login\""},
        {"\"loginFile\":\"/nowhere\"", "loginFile: cannot open \"/nowhere\": No such file or directory"},
        {"\"loginFile\":\"/etc/passwd\"",
         "loginFile: cannot use \"/etc/passwd\": everybody may read it; chmod o= /etc/passwd"},
        {"\"sslcert\":\"/etc/passwd\"",
         "sslcert: cannot use \"/etc/passwd\": everybody may read it; chmod o= /etc/passwd"},
        {"\"sslkey\":\"/nowhere\"", "sslkey: cannot open \"/nowhere\": No such file or directory"},
    }));
    CHECK(errors_of(parse(with("\"Locations\":{\"docker.io\":{" + location + "}},"))) ==
          std::vector<std::string>{"f:1: Locations.docker.io." + what});
    CHECK(parse(with("\"Locations\":{\"docker.io\":{\"loginFile\":null,\"sslkey\":\"\"}},")).usable());
}

TEST_CASE("all problems are told at once, and modes never open images to writers or to the wrong readers (I33)") {
    const auto parsed = parse(
        R"({"Platforms":{"a":{"accesstype":"remote","PublicMode":"0666","PrivateMode":"0644",
"local":{"imageDir":"images"}},"b c":{},"d":3}})");
    CHECK(errors_of(parsed) ==
          std::vector<std::string>{
              "f:1: CacheDirectory: is missing",
              "f:1: Platforms.a.accesstype: remote transfer by ssh is not offered; mount the image directory here, and "
              "write local",
              "f:1: Platforms.a.PublicMode: must be an octal mode from 0600 to 0644, not \"0666\"",
              "f:1: Platforms.a.PrivateMode: must be an octal mode from 0600 to 0640, not \"0644\"",
              "f:2: Platforms.a.local.imageDir: must be an absolute path, not \"images\"",
              "f:2: Platforms.b c: is not a system's name (letters, digits, '.', '_', '-')",
              "f:2: Platforms.b c.local: is missing",
              "f:2: Platforms.d: must be an object",
          });
}

TEST_CASE("I36: a configuration that everybody can read may name a PostgreSQL server, and not its password") {
    const catalog::samples::Folder folder;
    const std::string path = folder / "imagemanager.json";
    const auto write = [&](const std::string & address, mode_t mode) {
        std::ofstream{path} << with("\"Database\":\"" + address + "\",");
        ::chmod(path.c_str(), mode);
    };
    write("postgresql://gw@db/shifter", 0644);
    CHECK(load_gateway_config(path).database == "postgresql://gw@db/shifter");
    write("postgresql://gw:secret@db/shifter", 0640);
    CHECK(load_gateway_config(path).database == "postgresql://gw:secret@db/shifter");
    write("postgresql://gw:secret@db/shifter", 0644);
    CHECK_THROWS_WITH(load_gateway_config(path), "cannot use \"" + path +
                                                     "\": it has the password of the database, and everybody can read "
                                                     "it; run: chmod o= " +
                                                     path +
                                                     ", or keep the password in ~/.pgpass of the service's account");
}

TEST_CASE("two systems do not share an image directory") {
    const auto parsed = parse(
        R"({"CacheDirectory":"/c","Platforms":{"a":{"local":{"imageDir":"/i"}},"b":{"local":{"imageDir":"/i/"}}}})");
    CHECK(errors_of(parsed) ==
          std::vector<std::string>{"f:1: Platforms.b.local.imageDir: \"/i\" is another system's; each has its own"});
}

TEST_CASE("an unknown key is ignored with a note that says what may be meant (7.9)") {
    const auto parsed = parse(with("\"workerthreads\":1,\"Limits\":{\"BodyByte\":1},\"Qwerty\":[{}],"));
    REQUIRE(parsed.usable());
    REQUIRE(parsed.problems.size() == 3);
    CHECK(parsed.problems[0].what == "f:1: workerthreads: is no key, and is ignored; is WorkerThreads meant?");
    CHECK(parsed.problems[1].what == "f:1: Qwerty: is no key, and is ignored");
    CHECK(parsed.problems[2].what == "f:1: Limits.BodyByte: is no key, and is ignored; is BodyBytes meant?");
}

TEST_CASE("I37: a configuration that others could have written is refused, with what to run") {
    const catalog::samples::Folder folder;
    const std::string path = folder / "imagemanager.json";
    std::ofstream{path} << with("");
    ::chmod(path.c_str(), 0644);
    CHECK_NOTHROW(load_gateway_config(path));
    ::chmod(path.c_str(), 0664);
    CHECK_THROWS_WITH(load_gateway_config(path),
                      "cannot use \"" + path + "\": others can write it; run: chmod go-w " + path);
    ::chmod(path.c_str(), 0646);
    CHECK_THROWS_WITH(load_gateway_config(path),
                      "cannot use \"" + path + "\": others can write it; run: chmod go-w " + path);
    ::chmod(path.c_str(), 0644);
    ::chmod(folder.path().c_str(), 0777);
    CHECK_THROWS_WITH(load_gateway_config(path),
                      "cannot use \"" + folder.path() + "\": others can write it; run: chmod go-w " + folder.path());
    ::chmod(folder.path().c_str(), 0700);
    CHECK_THROWS_WITH(load_gateway_config(folder / "none"),
                      "cannot open the configuration \"" + (folder / "none") + "\": No such file or directory");
    CHECK_THROWS_WITH(load_gateway_config(folder.path()),
                      "cannot use \"" + folder.path() + "\": it is not a regular file");
    if (::geteuid() == 0) {
        REQUIRE(::chown(path.c_str(), 12345, static_cast<gid_t>(-1)) == 0);
        CHECK_THROWS_WITH(load_gateway_config(path),
                          "cannot use \"" + path +
                              "\": it belongs to uid 12345, so others decide what is in it; run: chown root " + path);
    }
}

TEST_CASE("R16: the layer cache is on, and its size and place are the site's") {
    CHECK(parse(with("")).config.settings.layer_cache.max_bytes == std::uint64_t{4} << 30U);
    CHECK(parse(with("")).config.settings.layer_cache.directory == "/cache/layers");
    const auto set = parse(with(R"("LayerCache":{"Size":"12M","Path":"/scratch/layers/"},)"));
    CHECK(set.config.settings.layer_cache.max_bytes == std::uint64_t{12} << 20U);
    CHECK(set.config.settings.layer_cache.directory == "/scratch/layers");
    CHECK(parse(with(R"("LayerCache":{"Size":0},)")).config.settings.layer_cache.max_bytes == 0);
    CHECK_FALSE(parse(with(R"("LayerCache":{"Size":"2000P"},)")).usable());
    CHECK_FALSE(parse(with(R"("LayerCache":{"Path":"layers"},)")).usable());
    CHECK_FALSE(parse(with(R"("LayerCache":"4G",)")).usable());
}
