/**
 * @file
 * The values of the catalog: images that are published, pulls on their way, and who may see what.
 */
#pragma once

#include "base/digest.hpp"
#include "base/image_id.hpp"
#include "base/image_request.hpp"
#include "oci/manifest.hpp"
#include "site/acl.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shifter::catalog {

/** Wall clock, for what is stored and shown; intervals that decide something are guarded against jumps (R10). */
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

/** States of a pull and of an import. Contract 7.4; the names are the contract's words. */
enum class State {
    init,
    pending,
    pulling,
    examination,
    conversion,
    transfer,
    hashing,
    ready,
    failure,
    expiring,
    expired
};

[[nodiscard]] std::string_view to_string(State state) noexcept;
[[nodiscard]] std::optional<State> state_named(std::string_view name) noexcept;
/** The one table of which state may follow which. */
[[nodiscard]] bool may_follow(State from, State to) noexcept;

/** What a tag is looked up by. `tag` is the canonical text (api/tags.hpp), for docker with its ":latest". */
struct ImageKey {
    std::string system;
    ImageType type = ImageType::docker;
    std::string tag;
    auto operator<=>(const ImageKey &) const = default;
};

/** One person's say on a private image: the owner of the grant, and whom he lets in. I34, H7-10, H7-11. */
struct Grant {
    uid_t owner = 0;
    Acl readers; ///< the owner himself is always a reader, also when this is empty
};

/** A layer of an image, for `inspect` and `tree`, and for finding what was converted before. */
struct LayerInfo {
    Digest blob;
    Digest diff_id;
    std::uint64_t size_bytes = 0;
    std::string created_by{}; ///< the command of the image's history; empty: not known
};

/** What the layers hold and the image does not, since nodes would not honour it: docs/explanation/layers.md. */
struct Dropped {
    std::uint64_t devices = 0;
    std::uint64_t setid_bits = 0;
    std::uint64_t xattrs = 0;
    bool operator==(const Dropped &) const = default;
    /** "2 devices and 1 set-id bit of its layers were left out"; empty when nothing was. */
    [[nodiscard]] std::string sentence() const;
};

/** That a tag named an index (a manifest list) when it was pulled, and this image was taken from it. */
struct TagIndex {
    std::string tag;
    std::string digest; ///< "sha256:…": what the registry said the tag is
    bool operator==(const TagIndex &) const = default;
};

/** A published image on one system. */
struct Image {
    std::string system;
    ImageType type = ImageType::docker;
    ImageId id;
    std::vector<std::string> tags{}; ///< sorted; those that a given caller may see, where one was given
    /** Tags that were shown by a private pull: their names are for holders of a grant alone, also when the same content
        is public under another tag (I33). */
    std::vector<std::string> private_tags{};
    std::vector<TagIndex> indexes{}; ///< of those tags that named one, in their order
    std::string manifest_digest{};   ///< "sha256:…"; empty for imports
    std::string reference{};         ///< full reference it was pulled by
    std::string format = "squashfs";
    std::string platform{}; ///< "linux/amd64"
    std::uint64_t size_bytes = 0;
    bool is_private = false;
    std::vector<Grant> grants{}; ///< only for private images; effective readers are the union
    oci::ImageConfig config{};   ///< env, entrypoint, cmd, workdir, labels
    std::vector<LayerInfo> layers{};
    uid_t puller = 0;
    Time last_pull{};
    std::optional<Time> expiration{};
    std::optional<Dropped> dropped{}; ///< not known of what was converted by an earlier release
    bool is_pinned = false;           ///< an admin keeps it: it does not expire

    /** The union of all grants with their owners; public images give an empty list. */
    [[nodiscard]] Acl acl() const;
    [[nodiscard]] bool may_read(const Identity & caller) const { return !is_private || holds_grant(caller); }
    /** Whether a grant names `caller`, as its owner or as a reader. */
    [[nodiscard]] bool holds_grant(const Identity & caller) const;
    /** Whether one of the grants is `uid`'s own. */
    [[nodiscard]] bool is_owned_by(uid_t uid) const;
    /** The digest of the index that `tag` named; empty when it named the manifest itself, or that is not known. */
    [[nodiscard]] std::string index_of(const std::string & tag) const;
    /** Whether one of `tags` named the index `digest`. */
    [[nodiscard]] bool is_of_index(const std::string & digest) const;
    /** Whether `caller` may know that `tag` is one of this image's. */
    [[nodiscard]] bool may_see_tag(const Identity & caller, const std::string & tag) const;
};

/** Somebody's wish that a tag stays: he has pulled it, or brought it. A tag goes with its last claim. */
struct Claim {
    uid_t uid = 0;
    gid_t gid = 0; ///< his primary group then; for quotas
    Time since;
};

/** What somebody's claims keep on the storage: content is counted once for each who wants it. */
struct Usage {
    std::uint64_t images = 0;
    std::uint64_t bytes = 0;
};

/** An image that nobody can look up any more, whose files stay for the nodes that have found it before (R14). */
struct RetiredImage {
    ImageId id;
    std::uint64_t size_bytes = 0;
    Time since;
};

struct LayerProgress {
    std::string digest; ///< blob
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
};

struct Progress {
    std::vector<LayerProgress> layers;
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
};

/** What a pull has shown of who may read the image at its registry. Decides who shares the pull:
 * docs/explanation/pulls.md. */
enum class Access {
    unknown,    ///< the registry was not asked yet
    open,       ///< read without credentials: everybody shares the pull and its result
    restricted, ///< read with the requester's credentials: it is his alone
};

/** What a worker holds of a pull: the turn that claim() gave it. A later turn ends it, however long its holder was away
 * (R5). */
struct Hold {
    std::int64_t pull = 0;
    std::int64_t turn = 0;
};

/** A pull, from the first request to its end. Ended ones are kept for a while, for their reason. */
struct Pull {
    std::int64_t number = 0; ///< the catalog's; also the id that logs carry
    std::int64_t turn = 0;   ///< grows with each claim, and each time that it is taken from its worker
    ImageKey key;
    uid_t requester = 0;
    gid_t requester_gid = static_cast<gid_t>(-1);
    std::string requester_name;
    State state = State::init;
    std::string message;   ///< one short sentence a step; the reason of a failure (R8)
    bool retryable = true; ///< a failure that another try, now, may not repeat (passing faults, other credentials)
    Acl requested_acl;
    bool has_credentials = false; ///< credentials themselves live in memory only (I36)
    Progress progress;
    Time created;
    Time heartbeat;
    std::optional<ImageId> image; ///< set when READY
    Access access = Access::unknown;
    std::optional<Time> ended;

    [[nodiscard]] Hold hold() const noexcept { return {number, turn}; }
    /** Whether lists of pulls may show this one to `caller` (I33). */
    [[nodiscard]] bool may_see(uid_t caller) const noexcept { return access == Access::open || requester == caller; }
};

} // namespace shifter::catalog
