/**
 * @file
 * libsquashfs' idea of a file, on a descriptor that the caller owns. Writes that follow one another are gathered: what the
 * descriptor has is whole after flush() or pad_to(). Only for the .cpp files of this layer.
 */
#pragma once

#include "squash/sqfs_handles.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sqfs/io.h>

namespace shifter::squash {

class OutputFile {
public:
    /** `fd`: empty, seekable, open for reading and writing; not closed here. */
    explicit OutputFile(int fd);
    OutputFile(const OutputFile &) = delete;
    OutputFile & operator=(const OutputFile &) = delete;

    [[nodiscard]] sqfs_file_t * sqfs() noexcept { return &file_.base; }
    [[nodiscard]] std::uint64_t size_bytes() const noexcept { return file_.size_bytes; }
    /** As check_sqfs; a failed system call is named with its reason. */
    void check(int status, const char * what) const;
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
    /** Copies a range of another file; the file system shares the blocks where it can. */
    void copy_from(int source, std::uint64_t source_offset, std::uint64_t offset, std::uint64_t bytes);
    /** Drops what lies behind. */
    void cut_to(std::uint64_t size_bytes);
    /** Fills the file with zeros up to a multiple of `bytes`, as loop devices want it. */
    void pad_to(std::uint64_t bytes);
    /** Gives the kernel what was gathered. */
    void flush();

private:
    struct File { // what libsquashfs gets: its functions find us by the address of `base`
        sqfs_file_t base;
        int fd;
        int error_number;
        std::uint64_t size_bytes;
        std::uint64_t sent_bytes; ///< from the beginning: on the way to the disk already
        std::byte * gathered;     ///< bytes that the descriptor does not have yet,
        std::size_t gathered_bytes;
        std::uint64_t gathered_offset; ///< and where they belong
    };
    static void send_soon(File & file, std::uint64_t end) noexcept;
    static bool gather(File & file, std::uint64_t offset, const void * bytes, std::size_t size) noexcept;
    static int flush(File & file) noexcept;
    static int write_through(File & file, std::uint64_t offset, const std::byte * bytes, std::size_t size) noexcept;
    static int read_at(sqfs_file_t * file, sqfs_u64 offset, void * buffer, std::size_t size);
    static int write_at(sqfs_file_t * file, sqfs_u64 offset, const void * buffer, std::size_t size);
    static sqfs_u64 get_size(const sqfs_file_t * file);
    static int truncate(sqfs_file_t * file, sqfs_u64 size);

    std::unique_ptr<std::byte[]> room_;
    File file_;
};

} // namespace shifter::squash
