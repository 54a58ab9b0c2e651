/**
 * @file
 * Writes a tar archive (POSIX pax) as a stream. Only for the .cpp files of this layer.
 */
#pragma once

#include "squash/squashfs_reader.hpp"

#include <string>
#include <string_view>

namespace shifter::squash {

struct TarEntry {
    char type = '0'; ///< as in ustar: '0' file, '1' hard link, '2' symlink, '3' device, '5' directory, '6' fifo
    std::string_view path;
    std::string_view link = {};
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mtime = 0;
    std::uint64_t size_bytes = 0; ///< of the body that follows
};

class TarStream {
public:
    explicit TarStream(const TarOutput & output) : output_{output} {}

    void begin(const TarEntry & entry);
    void body(std::span<const std::byte> bytes);
    /** After the last byte of a body of so many. */
    void pad(std::uint64_t size_bytes);
    void end();

private:
    void write(std::string_view text);
    const TarOutput & output_;
};

} // namespace shifter::squash
