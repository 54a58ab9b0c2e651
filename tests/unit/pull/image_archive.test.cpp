#include "pull/image_archive.hpp"
#include "base/error.hpp"
#include "oci/sha256.hpp"
#include "pull/quota.hpp"
#include "pull/upload_store.hpp"
#include "support/tar_writer.hpp"
#include "unit/catalog/samples.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace shifter;
using namespace shifter::pull;
using Catch::Matchers::Contains;
using Json = nlohmann::json;
using tests::TarWriter;

namespace {

const Platform here{"linux", "amd64", ""};

/** One layer, its configuration, and both kinds of archives of them. */
struct Sample {
    std::string layer = TarWriter{}.file("etc/os-release", "NAME=test\n").end();
    Digest layer_digest = oci::digest_of(layer);
    Json config = {{"os", "linux"},
                   {"architecture", "amd64"},
                   {"config", {{"Env", {"A=1"}}}},
                   {"rootfs", {{"type", "layers"}, {"diff_ids", {layer_digest.to_string()}}}}};

    [[nodiscard]] static Json descriptor(const std::string & type, const std::string & text) {
        return {{"mediaType", type}, {"digest", oci::digest_of(text).to_string()}, {"size", text.size()}};
    }
    [[nodiscard]] std::string manifest() const {
        return Json{{"schemaVersion", 2},
                    {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                    {"config", descriptor("application/vnd.oci.image.config.v1+json", config.dump())},
                    {"layers", {descriptor("application/vnd.oci.image.layer.v1.tar", layer)}}}
            .dump();
    }
    static void blob(TarWriter & tar, const std::string & text) {
        tar.file("blobs/sha256/" + oci::digest_of(text).hex(), text);
    }
    [[nodiscard]] std::string layout(const Json & index) const {
        TarWriter tar;
        tar.file("./oci-layout", "{}").directory("blobs/").directory("blobs/sha256/");
        blob(tar, config.dump());
        blob(tar, manifest());
        blob(tar, layer);
        return tar.file("./index.json", index.dump()).end();
    }
    [[nodiscard]] Json index() const {
        return {{"schemaVersion", 2},
                {"manifests", {descriptor("application/vnd.oci.image.manifest.v1+json", manifest())}}};
    }
    [[nodiscard]] static Json docker_list() {
        return {{{"Config", "config.json"}, {"RepoTags", {"app:1"}}, {"Layers", {"layer1/layer.tar"}}}};
    }
    [[nodiscard]] std::string docker(const Json & list) const {
        return TarWriter{}
            .file("real/layer.tar", layer)
            .symlink("layer1/layer.tar", "../real/layer.tar")
            .file("config.json", config.dump())
            .file("manifest.json", list.dump())
            .end();
    }
};

std::shared_ptr<const SharedFile> file_of(const std::string & text) {
    auto file = std::make_shared<SharedFile>();
    file->fd.reset(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    REQUIRE(::pwrite(file->fd.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    file->size_bytes = text.size();
    return file;
}

ImageArchive archive(const std::string & text) { return {file_of(text), "archive:a", {}, {}}; }

std::string all_of(oci::ByteSource & source) {
    std::string text;
    std::array<std::byte, 100> buffer{};
    while (const std::size_t count = source.read(buffer))
        text.append(reinterpret_cast<const char *>(buffer.data()), count);
    return text;
}

} // namespace

TEST_CASE("an OCI archive is one image: the digest of its manifest, its layers in place, and private") {
    const Sample sample;
    ImageArchive image = archive(sample.layout(sample.index()));
    const auto resolved = image.resolve(here);
    CHECK(resolved.manifest_digest == oci::digest_of(sample.manifest()));
    CHECK_FALSE(resolved.anonymous);
    CHECK(resolved.config.env == std::vector<std::string>{"A=1"});
    std::uint64_t counted = 0;
    const auto source = image.open_layer(0, [&](std::uint64_t bytes) { counted += bytes; });
    CHECK(all_of(*source) == sample.layer);
    CHECK(counted == sample.layer.size());
    CHECK(source->read({}) == 0);
}

TEST_CASE("what docker save writes is one image, links to layers included, with the same name each time") {
    const Sample sample;
    ImageArchive image = archive(sample.docker(Sample::docker_list()));
    const auto resolved = image.resolve(here);
    CHECK(resolved.config.diff_ids == std::vector{sample.layer_digest});
    CHECK_FALSE(resolved.anonymous);
    CHECK(all_of(*image.open_layer(0, {})) == sample.layer);
    CHECK(archive(sample.docker(Sample::docker_list())).resolve(here).manifest_digest == resolved.manifest_digest);
    Sample other;
    other.config["config"]["Env"] = {"A=2"};
    CHECK(archive(other.docker(Sample::docker_list())).resolve(here).manifest_digest != resolved.manifest_digest);
}

TEST_CASE("I26: a layer or document that is not what its digest says is refused") {
    const Sample sample;
    std::string text = sample.layout(sample.index());
    const std::size_t body = text.find("NAME=test");
    text[body] = 'X';
    ImageArchive image = archive(text);
    (void)image.resolve(here);
    const auto source = image.open_layer(0, {});
    CHECK_THROWS_WITH(all_of(*source), Contains("does not hold what it says"));
    std::string damaged = sample.layout(sample.index());
    damaged[damaged.find("A=1")] = 'B';
    CHECK_THROWS_WITH(archive(damaged).resolve(here), Contains("does not hold what it says"));
}

TEST_CASE("what is no image archive is refused in words that say what to do") {
    const Sample sample;
    const auto refusal = [](const std::string & text) -> std::string {
        try {
            (void)archive(text).resolve(here);
        } catch (const Error & error) {
            return error.what();
        }
        return "taken";
    };
    CHECK_THAT(refusal("\x1f\x8b rest"), Contains("gunzip -c FILE | shifterimg load - TAG"));
    CHECK_THAT(refusal("(\xb5/\xfd rest"), Contains("zstd -dc"));
    CHECK_THAT(refusal(TarWriter{}.file("bin/sh", "x").end()), Contains("holds no image"));
    CHECK_THAT(refusal("not a tar archive at all"), Contains("cannot be read"));
    CHECK_THAT(refusal(""), Contains("holds no image"));
    const std::string whole = sample.layout(sample.index());
    CHECK_THAT(refusal(whole.substr(0, 700)), Contains("the archive"));
    Json two = Sample::docker_list();
    two.push_back(two[0]);
    CHECK_THAT(refusal(sample.docker(two)), Contains("holds 2 images"));
    Json lacking = Sample::docker_list();
    lacking[0]["Layers"] = {"no.tar"};
    CHECK_THAT(refusal(sample.docker(lacking)), Contains("lacks a layer"));
    Json leaving = Sample::docker_list();
    leaving[0]["Layers"] = {"../../etc/passwd"};
    CHECK(refusal(sample.docker(leaving)) != "taken");
    Json more = Sample::docker_list();
    more[0]["Layers"] = {"layer1/layer.tar", "layer1/layer.tar"};
    CHECK_THAT(refusal(sample.docker(more)), Contains("2 layers, and its configuration names 1"));
    CHECK_THAT(refusal(sample.docker(Json::array())), Contains("holds no image"));
    CHECK_THAT(refusal(sample.docker(Json{{"a", 1}})), Contains("holds no image"));
    Sample foreign;
    foreign.config["architecture"] = "arm64";
    CHECK_THAT(refusal(foreign.docker(Sample::docker_list())),
               Contains("is for linux/arm64, and this system runs linux/amd64"));
    Json absent = sample.index();
    absent["manifests"][0]["digest"] = "sha256:" + std::string(64, 'a');
    CHECK_THAT(refusal(sample.layout(absent)), Contains("lacks sha256:aaaa"));
    Json short_one = sample.index();
    short_one["manifests"][0]["size"] = 3;
    CHECK_THAT(refusal(sample.layout(short_one)), Contains("in place of 3"));
}

TEST_CASE("R16: an archive with too many entries is refused, one with as many as are allowed is read") {
    TarWriter tar;
    for (std::size_t i = 0; i < layers::ArchiveIndex::most_entries; ++i) tar.file("f" + std::to_string(i));
    const auto enough = file_of(tar.end());
    CHECK_NOTHROW(layers::ArchiveIndex{enough->fd.get(), enough->size_bytes, {}});
    TarWriter more;
    for (std::size_t i = 0; i <= layers::ArchiveIndex::most_entries; ++i) more.file("f" + std::to_string(i));
    const auto many = file_of(more.end());
    CHECK_THROWS_WITH((layers::ArchiveIndex{many->fd.get(), many->size_bytes, {}}),
                      Contains("more than 10000 entries"));
}

TEST_CASE(
    "an upload grows piece by piece, and a repeated piece is taken once, a gap is refused, and nobody else gets at it") {
    const catalog::samples::Folder folder;
    GatewaySettings settings;
    settings.cache_directory = folder.path();
    UploadStore store{settings};
    const std::string upload = store.begin(1001);
    CHECK(upload.size() == 32);
    CHECK(store.add(upload, 1001, 0, "abc") == 3);
    CHECK(store.add(upload, 1001, 0, "abc") == 3);
    CHECK(store.add(upload, 1001, 3, "de") == 5);
    CHECK_THROWS_AS(store.add(upload, 1001, 9, "x"), OutOfStep);
    CHECK_THROWS_AS(store.add(upload, 1001, 0, "x"), OutOfStep);
    CHECK_THROWS_AS(store.add(upload, 1001, 5, ""), OutOfStep);
    CHECK_THROWS_AS(store.add(upload, 1002, 5, "x"), UnknownUpload);
    CHECK_THROWS_AS(store.finish(upload, 1002, 5), UnknownUpload);
    CHECK(folder.count() == 0); // the spool has no name
    const auto file = store.finish(upload, 1001, 5);
    std::array<char, 5> text{};
    CHECK(::pread(file->fd.get(), text.data(), text.size(), 0) == 5);
    CHECK(std::string_view{text.data(), text.size()} == "abcde");
    CHECK_THROWS_AS(store.finish(upload, 1001, 5), UnknownUpload);
    const std::string cut = store.begin(1001);
    (void)store.add(cut, 1001, 0, "abc");
    CHECK_THROWS_AS(store.finish(cut, 1001, 4), OutOfStep);
}

TEST_CASE("R16: uploads are limited in bytes, in number for each user, and in idle time") {
    const catalog::samples::Folder folder;
    GatewaySettings settings;
    settings.cache_directory = folder.path();
    settings.max_upload_bytes = 4;
    settings.most_uploads = 1;
    UploadStore store{settings};
    const std::string upload = store.begin(1001);
    CHECK_THROWS_AS(store.begin(1001), OverQuota);
    CHECK_NOTHROW(store.begin(1002));
    CHECK(store.add(upload, 1001, 0, "abcd") == 4);
    CHECK_THROWS_WITH(store.add(upload, 1001, 4, "e"), Contains("more than 4 bytes"));
    CHECK_THROWS_AS(store.add(upload, 1001, 4, "e"), UnknownUpload);
    const std::string idle = store.begin(1001);
    store.drop_idle();
    CHECK(store.add(idle, 1001, 0, "a") == 1);
    settings.upload_timeout = std::chrono::seconds{-1};
    store.drop_idle();
    CHECK_THROWS_AS(store.add(idle, 1001, 1, "a"), UnknownUpload);
}
