// A hostile squashfs file: bytes in, a tar stream out. Beyond not crashing, what comes out is within the limits, is read
// by the reader of layers without a complaint, holds no name that means a removal, and is the same each time.
#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "layers/layer_reader.hpp"
#include "squash/squashfs_reader.hpp"

#include <cstdlib>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace shifter;

layers::Limits small_limits() {
    layers::Limits limits;
    limits.max_entries = 2000;
    limits.max_layer_unpacked_bytes = 1U << 20U;
    return limits;
}

std::optional<std::string> tar_of(int fd, std::size_t size) {
    std::string tar;
    try {
        squash::squashfs_to_tar(fd, size, small_limits(), [&](std::span<const std::byte> bytes) {
            tar.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
        });
    } catch (const Error &) {
        return std::nullopt;
    }
    return tar;
}

/** Whether a layer may be that. */
void check(const std::string & tar) {
    std::size_t given = 0;
    layers::LayerReader reader{"the stream",
                               [&]() -> std::span<const std::byte> {
                                   const auto rest = std::as_bytes(std::span{tar}).subspan(given);
                                   given = tar.size();
                                   return rest;
                               },
                               {}};
    layers::LayerEntry entry;
    while (reader.next(entry)) {
        const std::string name = entry.path.substr(entry.path.rfind('/') + 1);
        if (name.substr(0, 4) == ".wh.") std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    const UniqueFd fd{::memfd_create("squashfs", MFD_CLOEXEC)};
    if (::pwrite(fd.get(), data, size, 0) != static_cast<ssize_t>(size)) return 0;
    const auto tar = tar_of(fd.get(), size);
    if (tar != tar_of(fd.get(), size)) std::abort();
    if (tar) check(*tar); // what it throws is a finding
    return 0;
}
