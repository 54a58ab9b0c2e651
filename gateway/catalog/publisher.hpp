/**
 * @file
 * The atomic step into imagePath: data synced, name, metadata, then the catalog's row (R4); nothing published is ever
 * rewritten in place.
 */
#pragma once

#include "base/image_id.hpp"
#include "base/unique_fd.hpp"
#include "site/image_record.hpp"

#include <cstdint>
#include <string>

namespace shifter::catalog {

/** Storage of one system (contract 7.9, `Platforms`). */
struct ImageStorage {
    std::string directory;
    /** Modes of files of public and private images (H8-10): nodes that mount as root need no more than 0600. */
    mode_t public_mode = 0644;
    mode_t private_mode = 0600;
    gid_t group = static_cast<gid_t>(-1); ///< -1: the service's own
};

/** An image file that nobody can see yet; it vanishes with this object, and with the process (O_TMPFILE where there is one). */
class UnpublishedFile {
public:
    /** Also removes leftovers of dead processes (`*.partial.*`) when the file system has no O_TMPFILE. */
    explicit UnpublishedFile(const ImageStorage & storage);
    UnpublishedFile(UnpublishedFile &&) noexcept;
    UnpublishedFile & operator=(UnpublishedFile &&) = delete;
    ~UnpublishedFile();
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

private:
    friend class Publisher;
    UniqueFd fd_;
    std::string temporary_name_; ///< empty with O_TMPFILE
    std::string directory_;
};

class Publisher {
public:
    explicit Publisher(ImageStorage storage) : storage_{std::move(storage)} {}

    /** Syncs `file`, gives it its name, writes the record beside it, syncs the directory. In that order (H8-11, H8-12). */
    void publish(UnpublishedFile && file, const ImageId & id, const ImageRecord & record);
    /** Replaces the record alone, atomically (a changed ACL). */
    void publish_record(const ImageId & id, const ImageRecord & record);
    /** Whether both files are there and whole (size in the superblock, record readable). */
    [[nodiscard]] bool is_whole(const ImageId & id) const;
    /** Removes record, then file. Containers that run from it keep it (R14). */
    void remove(const ImageId & id);
    /** Removes leftovers of dead processes. Returns how many. */
    unsigned clean();

private:
    ImageStorage storage_;
};

} // namespace shifter::catalog
