#include "oci/manifest.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shifter::oci;
using Catch::Matchers::Contains;

namespace {

const std::string digest_a = "sha256:" + std::string(64, 'a');
const std::string oci_manifest = "application/vnd.oci.image.manifest.v1+json";
const std::string oci_index = "application/vnd.oci.image.index.v1+json";
const std::string docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
const std::string docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";

std::string descriptor(const std::string & type, const std::string & size = "1",
                       const std::string & digest = digest_a) {
    return R"({"mediaType":")" + type + R"(","digest":")" + digest + R"(","size":)" + size + "}";
}
const std::string config = descriptor("application/vnd.oci.image.config.v1+json");
const std::string layer = descriptor("application/vnd.oci.image.layer.v1.tar+gzip");

/** A manifest with `more` at its end. */
std::string manifest_with(const std::string & more) {
    return R"({"schemaVersion":2,"config":)" + config + R"(,"layers":[)" + layer + "]" + more + "}";
}

/** Why it was refused, or "accepted". */
std::string refusal(const std::string & json, const std::string & content_type = {},
                    const DocumentLimits & limits = {}) {
    const auto parsed = parse_index_or_manifest(json, content_type, limits);
    return parsed ? "accepted" : parsed.error().what;
}

} // namespace

TEST_CASE("the OCI specification's example manifest is read (image-spec v1.1, manifest.md)") {
    const auto parsed = parse_index_or_manifest(R"({
      "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": "sha256:b5b2b2c507a0944348e0303114d8d93aaaa081732b86451d9bce1f432a537bc7", "size": 7023},
      "layers": [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
         "digest": "sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0", "size": 32654},
        {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
         "digest": "sha256:3c3a4604a545cdc127456d94e421cd355bca5b528f4a9c1905b15da2eb4a4c6b", "size": 16724}],
      "subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": "sha256:5b0bcabd1ed22e9fb1310cf6c2dec7cdef19f0ad69efa1f392e94a4333501270", "size": 7682},
      "annotations": {"com.example.key1": "value1", "com.example.key2": "value2"}})",
                                                oci_manifest);
    REQUIRE(parsed);
    const auto & manifest = std::get<Manifest>(*parsed);
    CHECK(manifest.config.size_bytes == 7023);
    CHECK(manifest.config.digest.hex() == "b5b2b2c507a0944348e0303114d8d93aaaa081732b86451d9bce1f432a537bc7");
    REQUIRE(manifest.layers.size() == 2);
    CHECK(manifest.layers[1].size_bytes == 16724);
}

TEST_CASE("Docker's example manifest list is read (distribution, manifest-v2-2.md)") {
    const auto parsed = parse_index_or_manifest(R"({
      "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
      "manifests": [
        {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "size": 7143,
         "digest": "sha256:e692418e4cbaf90ca69d05a66403747baa33ee08806650b51fab815ad7fc331f",
         "platform": {"architecture": "ppc64le", "os": "linux"}},
        {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "size": 7682,
         "digest": "sha256:5b0bcabd1ed22e9fb1310cf6c2dec7cdef19f0ad69efa1f392e94a4333501270",
         "platform": {"architecture": "amd64", "os": "linux", "features": ["sse4"]}}]})",
                                                docker_list);
    REQUIRE(parsed);
    const auto & index = std::get<Index>(*parsed);
    REQUIRE(index.manifests.size() == 2);
    CHECK(index.manifests[1].platform->to_string() == "linux/amd64");
}

TEST_CASE("a document may leave its type to the header, and the header to the document") {
    auto [own, header] = GENERATE(table<std::string, std::string>({
        {"", ""},
        {"", oci_manifest},
        {"", docker_manifest},
        {oci_manifest, ""},
        {oci_manifest, oci_manifest},
        {docker_manifest, docker_manifest + "; charset=utf-8"},
        {oci_manifest, "application/json"},
        {"", "text/plain; charset=utf-8"},
    }));
    INFO(own << " / " << header);
    CHECK(refusal(manifest_with(own.empty() ? "" : R"(,"mediaType":")" + own + "\""), header) == "accepted");
}

TEST_CASE("I27: a document that can be read as two types is refused") {
    auto [json, header, why] = GENERATE(table<std::string, std::string, std::string>({
        {manifest_with(R"(,"manifests":[])"), "", "it can be read as an index and as a manifest"},
        {manifest_with(R"(,"manifests":null)"), "", "it can be read as an index and as a manifest"},
        {manifest_with(R"(,"Manifests":[])"), "", "the name \"Manifests\" in it can be read in two ways"},
        {manifest_with(R"(,"LAYERS":[])"), "", "the name \"LAYERS\" in it can be read in two ways"},
        {manifest_with(R"(,"layers":[])"), "", "it has the name \"layers\" twice"},
        {manifest_with(R"(,"schemaVersion":1)"), "", "it has the name \"schemaVersion\" twice"},
        {manifest_with(R"(,"mediatype":")" + oci_index + "\""), "",
         "the name \"mediatype\" in it can be read in two ways"},
        {manifest_with(""), oci_index, "its type \"" + oci_index + "\" does not fit its fields"},
        {manifest_with(R"(,"mediaType":")" + oci_index + "\""), "",
         "its type \"" + oci_index + "\" does not fit its fields"},
        {manifest_with(R"(,"mediaType":")" + oci_manifest + "\""), docker_manifest,
         "the registry says that it is \"" + docker_manifest + "\", and it says that it is \"" + oci_manifest + "\""},
        {R"({"schemaVersion":2,"manifests":[]})", oci_manifest,
         "its type \"" + oci_manifest + "\" does not fit its fields"},
        {manifest_with(""), "text/html", "it is of type \"text/html\", which is not an image"},
    }));
    INFO(json);
    CHECK(refusal(json, header) == why);
}

TEST_CASE("a schema 1 manifest is refused in words, whoever says that it is one") {
    auto [json, header] = GENERATE(table<std::string, std::string>({
        {R"({"schemaVersion":1,"name":"a","fsLayers":[]})", ""},
        {R"({"schemaVersion":1,"name":"a"})", "application/vnd.docker.distribution.manifest.v1+prettyjws"},
        {manifest_with(""), "application/vnd.docker.distribution.manifest.v1+json"},
    }));
    INFO(json);
    CHECK(refusal(json, header) ==
          "it uses the schema 1 format, which was given up in 2017 and names no digest of a whole "
          "image; push the image again with a current tool");
}

TEST_CASE("a manifest with a wrong part is refused, and the sentence names the part") {
    const auto whole = [](const std::string & config_text, const std::string & layer_text) {
        return R"({"schemaVersion":2,"config":)" + config_text + R"(,"layers":[)" + layer_text + "]}";
    };
    const std::string tar = "application/vnd.oci.image.layer.v1.tar";
    auto [json, why] = GENERATE_COPY(table<std::string, std::string>({
        {"", "it is not JSON (byte 1)"},
        {"[]", "it is not a JSON object"},
        {"{}", "its \"schemaVersion\" is not 2"},
        {R"({"schemaVersion":"2"})", "its \"schemaVersion\" is not 2"},
        {R"({"schemaVersion":2})", "it has no \"config\""},
        {R"({"schemaVersion":2,"config":)" + config + "}", "it has no list \"layers\""},
        {R"({"schemaVersion":2,"config":)" + config + R"(,"layers":{}})", "it has no list \"layers\""},
        {whole("3", layer), "the config is not an object"},
        {whole(descriptor("application/vnd.cncf.helm.config.v1+json"), layer),
         "it is not a container image: its config is of type \"application/vnd.cncf.helm.config.v1+json\""},
        {whole(config, "\"x\""), "layer 1 is not an object"},
        {whole(config, layer + ",{}"), "layer 2 has no \"mediaType\""},
        {whole(config, descriptor(tar, "-1")), "layer 1 has no size in whole bytes"},
        {whole(config, descriptor(tar, "1.5")), "layer 1 has no size in whole bytes"},
        {whole(config, descriptor(tar, "\"1\"")), "layer 1 has no size in whole bytes"},
        {whole(config, descriptor(tar, "9223372036854775808")), "layer 1 has the impossible size 9223372036854775808"},
        {whole(config, descriptor(tar, "99999999999999999999999")), "layer 1 has no size in whole bytes"},
        {whole(config, descriptor(tar, "1", "sha256:AA")),
         "layer 1 has the digest \"sha256:AA\": a sha256 digest has 64 hexadecimal digits"},
        {whole(config, descriptor(tar, "1", "md5:aa")),
         "layer 1 has the digest \"md5:aa\": the digest algorithm is neither sha256 nor sha512"},
        {whole(config, descriptor(tar + "+encrypted")),
         "layer 1 is of type \"" + tar + "+encrypted\", which cannot be unpacked"},
        {manifest_with(R"(,"mediaType":7)"), "\"mediaType\" is not a text"},
    }));
    INFO(json);
    CHECK(refusal(json) == why);
}

TEST_CASE("media types of layers state their compression") {
    auto [type, compression] = GENERATE(table<std::string, LayerCompression>({
        {"application/vnd.oci.image.layer.v1.tar", LayerCompression::none},
        {"application/vnd.oci.image.layer.v1.tar+gzip", LayerCompression::gzip},
        {"application/vnd.oci.image.layer.v1.tar+zstd", LayerCompression::zstd},
        {"application/vnd.docker.image.rootfs.diff.tar.gzip", LayerCompression::gzip},
        {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", LayerCompression::gzip},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", LayerCompression::zstd},
    }));
    CHECK(layer_compression(type) == compression);
    CHECK_FALSE(layer_compression(type + "+xz"));
}

TEST_CASE("R16: each limit of a document has two sides") {
    const std::string good = manifest_with("");
    DocumentLimits limits;

    limits.max_bytes = good.size();
    CHECK(refusal(good, "", limits) == "accepted");
    limits.max_bytes = good.size() - 1;
    CHECK(refusal(good, "", limits) == "it is longer than " + std::to_string(good.size() - 1) + " bytes");

    limits = {};
    limits.max_depth = 3; // the document, its list of layers, a layer
    CHECK(refusal(good, "", limits) == "accepted");
    limits.max_depth = 2;
    CHECK(refusal(good, "", limits) == "it is nested more than 2 levels deep");

    limits = {};
    limits.max_layers = 1;
    CHECK(refusal(good, "", limits) == "accepted");
    limits.max_layers = 0;
    CHECK(refusal(good, "", limits) == "it has 1 layers, more than 0");

    limits = {};
    limits.max_string_bytes = digest_a.size();
    CHECK(refusal(good, "", limits) == "accepted");
    limits.max_string_bytes = digest_a.size() - 1;
    CHECK(refusal(good, "", limits) == "a text in it is longer than 70 bytes");

    limits = {};
    limits.max_values = 11; // document, version, config and its 3, list, layer and its 3
    CHECK(refusal(good, "", limits) == "accepted");
    limits.max_values = 10;
    CHECK(refusal(good, "", limits) == "it has more than 10 values");
}

TEST_CASE("I27: depth is refused before it costs memory") {
    const std::string deep(2'000'000, '[');
    CHECK(refusal(deep) == "it is nested more than 32 levels deep");
    std::string objects;
    for (int i = 0; i < 500'000; ++i) objects += R"({"a":)";
    CHECK(refusal(objects) == "it is nested more than 32 levels deep");
}

TEST_CASE("an index keeps what it does not know, and refuses what is wrong") {
    const auto parsed = parse_index_or_manifest(
        R"({"schemaVersion":2,"manifests":[)" + descriptor("application/vnd.example.thing+json") + "]}", oci_index);
    REQUIRE(parsed);
    CHECK(std::get<Index>(*parsed).manifests.at(0).media_type == "application/vnd.example.thing+json");
    const std::string begin =
        R"({"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":")" + digest_a + R"(","size":1,"platform":)";
    CHECK(refusal(begin + "3}]}") == "the platform of manifest 1 is not an object");
    CHECK(refusal(begin + R"({"os":"linux"}}]})") == "manifest 1 has no \"architecture\"");
    CHECK(refusal(begin + R"({"os":"linux","architecture":3}}]})") == "\"architecture\" of manifest 1 is not a text");
    CHECK(refusal(begin + R"({"os":"linux","architecture":")" + std::string(300, 'a') + R"("}}]})") ==
          "the platform of manifest 1 is longer than any known one");
}
