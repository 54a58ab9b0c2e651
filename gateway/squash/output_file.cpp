#include "squash/output_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

namespace shifter::squash {

namespace {

/** The disk begins while the rest is still compressed; so the sync before the file is published finds little to do. */
constexpr std::uint64_t send_bytes = 8U << 20U;

/** Compressed blocks are small, and each system call costs as much as copying tens of KiB. */
constexpr std::size_t gather_bytes = 1U << 20U;

} // namespace

std::string describe_sqfs_error(int status) {
    switch (status) {
    case SQFS_ERROR_ALLOC:
        return "out of memory";
    case SQFS_ERROR_IO:
        return "the file cannot be read or written";
    case SQFS_ERROR_COMPRESSOR:
        return "the compressor failed";
    case SQFS_ERROR_OVERFLOW:
        return "a number does not fit into the format";
    case SQFS_ERROR_UNSUPPORTED:
        return "libsquashfs does not support it";
    case SQFS_ERROR_CORRUPTED:
        return "what was written cannot be read back";
    default:
        return "libsquashfs' error " + std::to_string(status);
    }
}

OutputFile::OutputFile(int fd) : room_{new std::byte[gather_bytes]}, file_{} {
    static_assert(std::is_standard_layout_v<File>, "the address of the file is that of its first member");
    file_.base.read_at = read_at;
    file_.base.write_at = write_at;
    file_.base.get_size = get_size;
    file_.base.truncate = truncate;
    file_.base.base.destroy = [](sqfs_object_t *) {};
    file_.fd = fd;
    file_.gathered = room_.get();
}

void OutputFile::check(int status, const char * what) const {
    if (status < 0 && file_.error_number != 0) throw SysError{file_.error_number, "cannot write the squashfs file"};
    check_sqfs(status, what);
}

void OutputFile::pad_to(std::uint64_t bytes) {
    const std::uint64_t missing = (bytes - file_.size_bytes % bytes) % bytes;
    const std::vector<char> zeros(static_cast<std::size_t>(missing));
    check(write_at(&file_.base, file_.size_bytes, zeros.data(), zeros.size()), "pad the squashfs file");
    flush();
}

int OutputFile::read_at(sqfs_file_t * base, sqfs_u64 offset, void * buffer, std::size_t size) {
    auto & file = *reinterpret_cast<File *>(base);
    if (const int status = flush(file); status != 0) return status;
    auto * place = static_cast<char *>(buffer);
    while (size != 0) {
        const ssize_t count = ::pread(file.fd, place, size, static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) file.error_number = errno;
        if (count < 0) return SQFS_ERROR_IO;
        if (count == 0) return SQFS_ERROR_OUT_OF_BOUNDS;
        place += count;
        offset += static_cast<sqfs_u64>(count);
        size -= static_cast<std::size_t>(count);
    }
    return 0;
}

int OutputFile::write_at(sqfs_file_t * base, sqfs_u64 offset, const void * buffer, std::size_t size) {
    auto & file = *reinterpret_cast<File *>(base);
    if (!gather(file, offset, buffer, size)) {
        if (const int status = flush(file); status != 0) return status;
        if (!gather(file, offset, buffer, size)) {
            const int status = write_through(file, offset, static_cast<const std::byte *>(buffer), size);
            if (status != 0) return status;
        }
    }
    file.size_bytes = std::max<std::uint64_t>(file.size_bytes, offset + size);
    return 0;
}

/** False when it does not go on where the gathered bytes are, or there is no room. */
bool OutputFile::gather(File & file, std::uint64_t offset, const void * bytes, std::size_t size) noexcept {
    if (file.gathered_bytes == 0) file.gathered_offset = offset;
    if (offset < file.gathered_offset || offset > file.gathered_offset + file.gathered_bytes) return false;
    const auto at = static_cast<std::size_t>(offset - file.gathered_offset);
    if (size > gather_bytes - at) return false;
    if (size != 0) std::memcpy(file.gathered + at, bytes, size);
    file.gathered_bytes = std::max(file.gathered_bytes, at + size);
    return true;
}

int OutputFile::flush(File & file) noexcept {
    return write_through(file, file.gathered_offset, file.gathered, std::exchange(file.gathered_bytes, 0));
}

void OutputFile::flush() { check(flush(file_), "write the squashfs file"); }

int OutputFile::write_through(File & file, std::uint64_t offset, const std::byte * place, std::size_t size) noexcept {
    const std::uint64_t end = offset + size;
    while (size != 0) {
        const ssize_t count = ::pwrite(file.fd, place, size, static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            file.error_number = count < 0 ? errno : EIO;
            return SQFS_ERROR_IO;
        }
        place += count;
        offset += static_cast<sqfs_u64>(count);
        size -= static_cast<std::size_t>(count);
    }
    send_soon(file, end);
    return 0;
}

void OutputFile::send_soon(File & file, std::uint64_t end) noexcept {
    if (end < file.sent_bytes + send_bytes) return;
    // A hint: what it cannot do, fsync does, and reports.
    (void)::sync_file_range(file.fd, static_cast<off_t>(file.sent_bytes), static_cast<off_t>(end - file.sent_bytes),
                            SYNC_FILE_RANGE_WRITE);
    file.sent_bytes = end;
}

void OutputFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    check(write_at(&file_.base, offset, bytes.data(), bytes.size()), "write the squashfs file");
}

void OutputFile::cut_to(std::uint64_t size_bytes) {
    check(truncate(&file_.base, size_bytes), "write the squashfs file");
}

void OutputFile::copy_from(int source, std::uint64_t source_offset, std::uint64_t offset, std::uint64_t bytes) {
    constexpr std::uint64_t most_at_once = 16U << 20U;
    constexpr std::size_t piece_bytes = 1U << 20U;
    flush();
    auto from = static_cast<off_t>(source_offset);
    auto to = static_cast<off_t>(offset);
    std::vector<std::byte> piece;
    while (bytes != 0) {
        ssize_t count = -1;
        if (piece.empty()) {
            const auto want = static_cast<std::size_t>(std::min(bytes, most_at_once));
            count = ::copy_file_range(source, &from, file_.fd, &to, want, 0);
            const bool cannot = errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS;
            // 0 is what old kernels answer for some file systems; a source that has ended shows below.
            if (count == 0 || (count < 0 && cannot)) {
                piece.resize(piece_bytes);
                continue;
            }
        } else {
            const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, piece.size()));
            count = ::pread(source, piece.data(), want, from);
            if (count == 0) throw Error{"cannot copy a converted layer: its file has become shorter"};
            if (count > 0) {
                write_at(static_cast<std::uint64_t>(to), std::span{piece}.first(static_cast<std::size_t>(count)));
                from += count;
                to += count;
            }
        }
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw SysError{errno, "cannot write the squashfs file"};
        bytes -= static_cast<std::uint64_t>(count);
        file_.size_bytes = std::max(file_.size_bytes, static_cast<std::uint64_t>(to));
        send_soon(file_, static_cast<std::uint64_t>(to));
    }
}

sqfs_u64 OutputFile::get_size(const sqfs_file_t * base) { return reinterpret_cast<const File *>(base)->size_bytes; }

int OutputFile::truncate(sqfs_file_t * base, sqfs_u64 size) {
    auto & file = *reinterpret_cast<File *>(base);
    if (const int status = flush(file); status != 0) return status;
    if (::ftruncate(file.fd, static_cast<off_t>(size)) != 0) {
        file.error_number = errno;
        return SQFS_ERROR_IO;
    }
    file.size_bytes = size;
    file.sent_bytes = std::min(file.sent_bytes, file.size_bytes);
    return 0;
}

} // namespace shifter::squash
