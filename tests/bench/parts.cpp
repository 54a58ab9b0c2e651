/**
 * @file
 * The CPU time of what no pull can leave out, one part after the other, on one core: the bound of tests/bench/pull.
 * Layers are read into memory before a clock starts, so that neither disk nor network counts.
 *
 * usage: bench_parts BLOCK_SIZE ZSTD_LEVEL TREE LAYER…
 *   TREE   the unpacked image: its regular files are what survives, and what must be compressed
 *   LAYER  gzip blobs
 * Prints "part seconds" lines.
 */
#include <archive.h>
#include <archive_entry.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace {

using Bytes = std::vector<unsigned char>;

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/** Adds the CPU time of its life to `sum`. */
class Timed {
public:
    explicit Timed(double & sum) : sum_{sum}, begin_{cpu_seconds()} {}
    ~Timed() { sum_ += cpu_seconds() - begin_; }
    Timed(const Timed &) = delete;
    Timed & operator=(const Timed &) = delete;

private:
    double & sum_;
    double begin_;
};

Bytes read_all(const std::string & path) {
    std::ifstream in{path, std::ios::binary};
    if (!in) throw std::runtime_error("cannot read " + path);
    return Bytes{std::istreambuf_iterator<char>{in}, {}};
}

struct Parts {
    double inflate = 0, sha256 = 0, tar = 0, compress = 0;
    std::uint64_t compressed_bytes = 0, tar_bytes = 0, file_bytes = 0, block_bytes = 0;
};

/** Inflates `blob` in pieces of 512 KiB, as a pull would, and hands each to `each`. */
template <class Each> void inflate(const Bytes & blob, double & seconds, Each each) {
    auto state = std::make_unique<inflate_state>();
    isal_inflate_init(state.get());
    state->crc_flag = ISAL_GZIP;
    state->next_in = const_cast<std::uint8_t *>(blob.data());
    state->avail_in = static_cast<std::uint32_t>(blob.size());
    Bytes piece(512 << 10);
    while (state->block_state != ISAL_BLOCK_FINISH || state->avail_in > 0) {
        if (state->block_state == ISAL_BLOCK_FINISH) isal_inflate_reset(state.get()); // the next gzip member
        state->next_out = piece.data();
        state->avail_out = static_cast<std::uint32_t>(piece.size());
        {
            const Timed timed{seconds};
            if (isal_inflate(state.get()) != ISAL_DECOMP_OK) throw std::runtime_error("a layer is no gzip");
        }
        each(std::span<const unsigned char>{piece.data(), piece.size() - state->avail_out});
    }
}

void digest(std::span<const unsigned char> bytes) {
    unsigned char result[EVP_MAX_MD_SIZE];
    if (EVP_Digest(bytes.data(), bytes.size(), result, nullptr, EVP_sha256(), nullptr) != 1) std::abort();
}

void layer(const std::string & path, Parts & parts) {
    const Bytes blob = read_all(path);
    if (blob.size() > UINT32_MAX) throw std::runtime_error(path + " is larger than 4 GiB");
    parts.compressed_bytes += blob.size();
    Bytes tar;
    inflate(blob, parts.inflate, [&](std::span<const unsigned char> piece) { tar.insert(tar.end(), piece.begin(), piece.end()); });
    parts.tar_bytes += tar.size();
    {
        const Timed timed{parts.sha256};
        digest(blob);
        digest(tar);
    }
    const Timed timed{parts.tar};
    const std::unique_ptr<archive, decltype(&archive_read_free)> reader{archive_read_new(), &archive_read_free};
    archive_read_support_format_tar(reader.get());
    archive_read_open_memory(reader.get(), tar.data(), tar.size());
    archive_entry * entry = nullptr;
    while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {}
}

/** Compresses the files of `tree` as squashfs does: whole blocks, and tails packed into fragments. */
void compress(const std::string & tree, std::size_t block_size, int level, Parts & parts) {
    const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context{ZSTD_createCCtx(), &ZSTD_freeCCtx};
    Bytes out(ZSTD_compressBound(block_size)), fragment;
    const auto block = [&](std::span<const unsigned char> bytes) {
        if (std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 0; })) return; // a hole
        const Timed timed{parts.compress};
        const std::size_t size = ZSTD_compressCCtx(context.get(), out.data(), out.size(), bytes.data(), bytes.size(), level);
        parts.block_bytes += ZSTD_isError(size) || size >= bytes.size() ? bytes.size() : size;
    };
    std::set<std::pair<dev_t, ino_t>> seen;
    for (const auto & item : std::filesystem::recursive_directory_iterator{tree}) {
        struct stat info {};
        if (lstat(item.path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
        if (!seen.emplace(info.st_dev, info.st_ino).second) continue; // another name of a file that was counted
        const Bytes data = read_all(item.path());
        parts.file_bytes += data.size();
        const std::size_t whole = data.size() / block_size * block_size;
        for (std::size_t at = 0; at < whole; at += block_size) block({data.data() + at, block_size});
        const std::size_t tail = data.size() - whole;
        if (fragment.size() + tail > block_size) {
            block(fragment);
            fragment.clear();
        }
        fragment.insert(fragment.end(), data.begin() + static_cast<std::ptrdiff_t>(whole), data.end());
    }
    if (!fragment.empty()) block(fragment);
}

} // namespace

int main(int argc, char ** argv) try {
    if (argc < 5) {
        std::fputs("usage: bench_parts BLOCK_SIZE ZSTD_LEVEL TREE LAYER…\n", stderr);
        return 1;
    }
    Parts parts;
    for (int at = 4; at < argc; ++at) layer(argv[at], parts);
    compress(argv[3], std::stoul(argv[1]), std::stoi(argv[2]), parts);
    std::printf("inflate %.3f\nsha256 %.3f\ntar %.3f\ncompress %.3f\n", parts.inflate, parts.sha256, parts.tar, parts.compress);
    std::printf("compressed_bytes %llu\ntar_bytes %llu\nfile_bytes %llu\nblock_bytes %llu\n",
                static_cast<unsigned long long>(parts.compressed_bytes), static_cast<unsigned long long>(parts.tar_bytes),
                static_cast<unsigned long long>(parts.file_bytes), static_cast<unsigned long long>(parts.block_bytes));
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "bench_parts: %s\n", error.what());
    return 1;
}
