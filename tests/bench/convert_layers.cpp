/**
 * @file
 * Converts the image of a local OCI layout, or one made up on the spot, to a squashfs, and prints what it took.
 */
#include "base/error.hpp"
#include "base/io.hpp"
#include "base/text.hpp"
#include "oci/manifest.hpp"
#include "oci/sha256.hpp"
#include "squash/convert.hpp"
#include "squash/layer_cache.hpp"

#include "bench/synthetic_layer.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <getopt.h>
#include <iostream>
#include <sys/resource.h>
#include <sys/stat.h>

namespace {

using namespace shifter;

constexpr const char * usage =
    R"(usage: convert_layers [OPTION]… LAYOUT RESULT        the only image of an OCI layout directory
       convert_layers [OPTION]… --synthetic=FILES[,MIB] RESULT
                                                        FILES small files, and one of MIB mebibytes
  --codec=zstd|gzip|lz4|xz  --level=N  --block=BYTES  --threads=N  --parallel=LAYERS
  --cache=DIR     take layers from a layer cache in DIR, and leave them there (RESULT has to stay for that)
  --keep          owners, modes and user. attributes as in the layers
Prints: wall and CPU seconds, peak memory, bytes written by write(2), size, entries, bytes of memory for each path.
)";

class FileSource : public oci::ByteSource {
public:
    FileSource(const std::string & path, Digest digest)
        : fd_{::open(path.c_str(), O_RDONLY | O_CLOEXEC)}, digest_{std::move(digest)} {
        if (!fd_) throw SysError{errno, "cannot open " + quoted(path)};
    }
    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = io::read_some(fd_.get(), buffer, "a blob");
        hasher_.update(buffer.first(count));
        if (count == 0 && hasher_.finish() != digest_) throw Error{"blob " + digest_.to_string() + " is damaged"};
        return count;
    }

private:
    UniqueFd fd_;
    Digest digest_;
    oci::Hasher hasher_;
};

std::string read_file(const std::string & path) {
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) throw SysError{errno, "cannot open " + quoted(path)};
    return io::read_all(fd.get(), 16U << 20U, path);
}

std::vector<squash::LayerInput> layers_of(const std::string & layout) {
    const auto blob = [&](const Digest & digest) { return layout + "/blobs/sha256/" + digest.hex(); };
    auto document = oci::parse_index_or_manifest(read_file(layout + "/index.json"), "").value_or_throw("index.json");
    while (const auto * index = std::get_if<oci::Index>(&document)) {
        const auto chosen = std::find_if(index->manifests.begin(), index->manifests.end(), [](const auto & manifest) {
            return !manifest.platform ||
                   manifest.platform->architecture == Platform::of_this_machine().architecture;
        });
        if (chosen == index->manifests.end()) throw Error{"the layout has no image for this machine"};
        document = oci::parse_index_or_manifest(read_file(blob(chosen->digest)), chosen->media_type)
                       .value_or_throw("a manifest");
    }
    const auto & manifest = std::get<oci::Manifest>(document);
    const auto config =
        oci::parse_image_config(read_file(blob(manifest.config.digest))).value_or_throw("the configuration");
    if (config.diff_ids.size() != manifest.layers.size()) throw Error{"the configuration does not fit the manifest"};
    std::vector<squash::LayerInput> layers;
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
        const auto & layer = manifest.layers[i];
        layers.push_back({layer, config.diff_ids[i], [path = blob(layer.digest), digest = layer.digest] {
                              return std::make_unique<FileSource>(path, digest);
                          }});
        layers.back().may_reuse = [] { return true; };
    }
    return layers;
}

std::uint64_t proc_value(const char * file, std::string_view key) {
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10);
    return 0;
}

double seconds(const timeval & time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

int run(int argc, char ** argv) {
    squash::Options options;
    std::string synthetic;
    const option longs[] = {{"codec", 1, nullptr, 'c'},     {"level", 1, nullptr, 'l'},
                            {"block", 1, nullptr, 'b'},     {"threads", 1, nullptr, 't'},
                            {"parallel", 1, nullptr, 'p'},  {"keep", 0, nullptr, 'k'},
                            {"synthetic", 1, nullptr, 's'}, {"help", 0, nullptr, 'h'},
                            {"cache", 1, nullptr, 'C'},     {}};
    std::string cache_directory;
    for (int c = 0; (c = ::getopt_long(argc, argv, "", longs, nullptr)) != -1;) {
        const std::string_view value = optarg != nullptr ? optarg : "";
        const auto number = text::parse_unsigned<unsigned>(value).value_or(0);
        switch (c) {
        case 'c':
            if (value == "zstd")
                options.codec = squash::Codec::zstd;
            else if (value == "gzip")
                options.codec = squash::Codec::gzip;
            else if (value == "lz4")
                options.codec = squash::Codec::lz4;
            else if (value == "xz")
                options.codec = squash::Codec::xz;
            else
                throw Error{"no such codec: " + quoted(value)};
            break;
        case 'l':
            options.level = static_cast<int>(number);
            break;
        case 'b':
            options.block_bytes = number;
            break;
        case 't':
            options.threads = number;
            break;
        case 'p':
            options.parallel_layers = number;
            break;
        case 'k':
            options.owners = squash::Owners::keep;
            options.modes = squash::Modes::keep;
            options.xattrs = squash::Xattrs::user;
            break;
        case 's':
            synthetic = value;
            break;
        case 'C':
            cache_directory = value;
            break;
        case 'h':
            std::fputs(usage, stdout);
            return 0;
        default:
            std::fputs(usage, stderr);
            return 1;
        }
    }
    if (argc - optind != (synthetic.empty() ? 2 : 1)) {
        std::fputs(usage, stderr);
        return 1;
    }
    const std::uint64_t memory_before = proc_value("/proc/self/status", "VmRSS:");
    auto layers = synthetic.empty() ? layers_of(argv[optind]) : bench::synthetic_layers(synthetic);
    const char * const result_path = argv[argc - 1];
    const UniqueFd output{::open(result_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (!output) throw SysError{errno, "cannot make " + quoted(result_path)};
    rusage before{};
    ::getrusage(RUSAGE_SELF, &before);
    const std::uint64_t written_before = proc_value("/proc/self/io", "wchar:");
    const auto begin = std::chrono::steady_clock::now();
    std::optional<squash::LayerCache> cache;
    std::optional<squash::LayerReuse> reuse;
    if (!cache_directory.empty()) {
        cache.emplace(cache_directory, std::uint64_t{1} << 32U, options, squash::Limits{});
        reuse.emplace(
            *cache, std::vector<std::string>{"public"},
            std::string{
                std::unique_ptr<char, decltype(&std::free)>{::realpath(result_path, nullptr), &std::free}.get()});
    }
    std::vector<oci::Descriptor> blobs;
    std::vector<Digest> diff_ids;
    for (const auto & layer : layers) {
        blobs.push_back(layer.blob);
        diff_ids.push_back(layer.diff_id);
    }
    const auto result = squash::convert(std::move(layers), output.get(), 0, options, {}, {}, reuse ? &*reuse : nullptr);
    if (reuse) reuse->commit("public", blobs, diff_ids);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
    rusage after{};
    ::getrusage(RUSAGE_SELF, &after);
    const std::uint64_t peak = proc_value("/proc/self/status", "VmHWM:");
    std::printf(
        "wall_s=%.2f user_s=%.2f system_s=%.2f peak_mib=%.1f promised_mib=%.1f written_mb=%.1f size_mb=%.1f "
        "entries=%llu unpacked_mb=%.1f "
        "unpacked_mb_per_s=%.0f bytes_per_path=%.0f devices=%llu setid=%llu xattrs=%llu reused=%llu\n",
        wall.count(), seconds(after.ru_utime) - seconds(before.ru_utime),
        seconds(after.ru_stime) - seconds(before.ru_stime), static_cast<double>(peak) / 1024,
        static_cast<double>(options.memory_bytes()) / (1024 * 1024),
        static_cast<double>(proc_value("/proc/self/io", "wchar:") - written_before) / 1e6,
        static_cast<double>(result.size_bytes) / 1e6, static_cast<unsigned long long>(result.entries),
        static_cast<double>(result.unpacked_bytes) / 1e6,
        static_cast<double>(result.unpacked_bytes) / 1e6 / wall.count(),
        static_cast<double>((peak - memory_before) * 1024) /
            static_cast<double>(std::max<std::uint64_t>(1, result.entries)),
        static_cast<unsigned long long>(result.dropped_devices), static_cast<unsigned long long>(result.dropped_setid),
        static_cast<unsigned long long>(result.dropped_xattrs), static_cast<unsigned long long>(result.reused_layers));
    return 0;
}

} // namespace

int main(int argc, char ** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception & error) {
        std::fprintf(stderr, "convert_layers: %s\n", error.what());
        return 1;
    }
}
