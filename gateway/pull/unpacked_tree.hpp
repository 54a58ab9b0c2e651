/**
 * @file
 * The tree of a squashfs file as ordinary files, for a program that wants to look at it: read-only, of the gateway's
 * account, in a folder that only it can enter (I25). It goes with the object.
 */
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "layers/limits.hpp"
#include "oci/byte_source.hpp"

#include <cstdint>
#include <string>

namespace shifter::pull {

/** It does not fit into `most_bytes`. */
class TooBig : public Error {
public:
    using Error::Error;
};

class UnpackedTree {
public:
    /**
     * @param tar         the tree as one archive (squash/squashfs_reader.hpp)
     * @param most_bytes  of its files together; blocks of zeros become holes, and do not count
     * @throws TooBig, Error, SysError; nothing is left then. FIFOs and devices are left out: reading them could take
     * for ever.
     */
    UnpackedTree(const std::string & directory, oci::ByteSource & tar, const layers::Limits & limits,
                 std::uint64_t most_bytes);
    ~UnpackedTree();
    UnpackedTree(const UnpackedTree &) = delete;
    UnpackedTree & operator=(const UnpackedTree &) = delete;

    /** What processes that died have left in `directory`; trees that are in use, also by other hosts, stay. */
    static void remove_leftovers(const std::string & directory) noexcept;

    [[nodiscard]] const std::string & path() const noexcept { return root_path_; }

private:
    void unpack(oci::ByteSource & tar, const layers::Limits & limits, std::uint64_t most_bytes);

    std::string folder_;    ///< mode 0700
    UniqueFd lock_;         ///< of a file in it: while it is held, the tree is in use
    std::string root_path_; ///< below it
};

} // namespace shifter::pull
