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
#include <optional>
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

/** Where the published file of an image is, or will be. */
[[nodiscard]] std::string image_path(const ImageStorage & storage, const ImageId & id);

/** An image file that nobody can see yet; it vanishes with this object, and with the process (O_TMPFILE where there is
 * one). */
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
    UniqueFd directory_;
    UniqueFd fd_;
    std::string temporary_name_; ///< empty with O_TMPFILE
};

enum class Privacy { everybody, readers_only };

class Publisher {
public:
    explicit Publisher(ImageStorage storage) : storage_{std::move(storage)} {}

    /**
     * Syncs `file`, gives it its name, writes the record beside it, syncs the directory. In that order (H8-11, H8-12).
     * An image that is there and whole stays, since its id says what it holds; a damaged one is replaced by renaming.
     * `privacy` decides the mode of both files; readers_only always when the record has an access list.
     * @throws Error; then the image is as absent, or as whole, as it was, and nothing new is left (R2, R3)
     */
    void publish(UnpublishedFile && file, const ImageId & id, const ImageRecord & record,
                 Privacy privacy = Privacy::everybody);
    /** Replaces the record alone, atomically, and gives the image the mode that goes with it (a changed ACL). */
    void publish_record(const ImageId & id, const ImageRecord & record, Privacy privacy = Privacy::everybody);
    /** Changes who may read a published image: the rest of its record stays. @throws Error when there is no record */
    void set_readers(const ImageId & id, const Acl & readers, Privacy privacy);
    /** Who may read a published image, as its record has it; nothing where there is no whole record. */
    [[nodiscard]] std::optional<Acl> readers(const ImageId & id) const;
    /** Whether both files are there and whole (size in the superblock, record readable). */
    [[nodiscard]] bool is_whole(const ImageId & id) const { return whole_size(id).has_value(); }
    /** The size of the image's file, when is_whole(). */
    [[nodiscard]] std::optional<std::uint64_t> whole_size(const ImageId & id) const;
    /** Removes record, then file. Containers that run from it keep it (R14). */
    void remove(const ImageId & id);
    /** Removes what dead processes have left: `*.partial.*` that nobody holds, images that never got their record and
        are older than a day. Returns how many. */
    unsigned clean();

private:
    ImageStorage storage_;
};

} // namespace shifter::catalog
