/**
 * @file
 * What has been published and what is on its way: one interface, an embedded SQLite behind it (PostgreSQL fits beside).
 *
 * Every method is one transaction, thread-safe, and answers committed state. Errors are exceptions in bounded time,
 * never an empty answer (R9).
 */
#pragma once

#include "catalog/types.hpp"

#include <functional>
#include <memory>
#include <variant>

namespace shifter::catalog {

/** A request as it enters the queue. */
struct PullRequest {
    ImageKey key;
    uid_t requester = 0;
    std::string requester_name;
    Identity identity;
    Acl requested_acl; ///< readers that the requester names for a private image
    bool has_credentials = false;
    /** Differs when the credentials differ, and says nothing else about them; empty without. */
    std::string credentials_mark;
};

/** Times that decide whether a request starts anew (contract 7.5). */
struct PullPolicy {
    std::chrono::seconds update_timeout{300}; ///< PullUpdateTimeout
    std::chrono::seconds heartbeat_timeout{3600};
    /** A changed list of readers starts a new pull when the owner's last change is older than that. */
    std::chrono::seconds acl_change_delay{10};
    /** For so long each client that polls is told of a failure, before a request counts as a new try. */
    std::chrono::milliseconds failure_shown{600};
    /** A heartbeat that seems too old must stay unchanged for so long, by the steady clock, before it is believed
     * (R10). */
    std::chrono::seconds stale_confirmation{60};
};

/** Answer to a pull request: a pull that is on its way (new or joined), or an image that is recent enough. */
struct Enqueued {
    std::variant<Pull, Image> what;
    bool is_new = false;
};

/** Facts of a finished conversion, to be made visible in one transaction. */
struct Publication {
    std::int64_t pull = 0;
    /** Tags are ignored: the pull's key gives the tag. For a private image `grants` holds the requester's own. */
    Image image;
    std::string message; ///< what the requester should know of a pull that went well
};

struct MetricsRow {
    std::string user;
    uid_t uid = 0;
    std::string system;
    ImageType type = ImageType::docker;
    std::string tag;
    std::string id;
    Time time;
};

/** What everybody may know of a system's images. */
struct PublicImages {
    std::uint64_t count = 0;     ///< images with a public tag
    std::vector<Image> latest{}; ///< those of them that were pulled last, the last first, with their public tags
};

class Catalog {
public:
    virtual ~Catalog() = default;

    // Images.
    [[nodiscard]] virtual std::optional<Image> find(const ImageKey & key) = 0;
    [[nodiscard]] virtual std::optional<Image> find(const std::string & system, const ImageId & id) = 0;
    /** The same for a person: what he may not see does not exist, tags included (I33). */
    [[nodiscard]] virtual std::optional<Image> find_readable(const ImageKey & key, const Identity & caller) = 0;
    [[nodiscard]] virtual std::optional<Image> find_readable(const std::string & system, const ImageId & id,
                                                             const Identity & caller) = 0;
    /** All images of a system that `caller` may read, in no order that is promised; streams, so memory stays flat. */
    virtual void for_each_image(const std::string & system, const Identity & caller,
                                const std::function<void(const Image &)> & visit) = 0;
    /** The same in the order of identifiers, from the first one after `after` (empty: the first of all), until `visit`
     * says false: what a page costs does not grow with the catalog. */
    virtual void for_each_image_after(const std::string & system, const std::string & after, const Identity & caller,
                                      const std::function<bool(const Image &)> & visit) = 0;
    [[nodiscard]] virtual PublicImages public_images(const std::string & system, unsigned limit) = 0;
    /** A lookup: refreshes `expiration` (written only when it moves by more than an hour). */
    virtual void touch(const std::string & system, const ImageId & id, Time expiration) = 0;
    /** Takes a tag from its image; true when it was there. The image stays until `remove`. */
    virtual bool remove_tag(const ImageKey & key) = 0;
    virtual void remove(const std::string & system, const ImageId & id) = 0;
    /** Images whose expiration has passed, or that lost their last tag (H7-8). */
    [[nodiscard]] virtual std::vector<Image> expired(const std::string & system, Time now) = 0;
    /** Replaces one owner's grant on a private image. */
    virtual void set_grant(const std::string & system, const ImageId & id, const Grant & grant, Time now) = 0;

    // Pulls.
    /** Contract 7.5 in one place: joins a pull on its way, answers a recent image, or queues a new pull (R6). */
    [[nodiscard]] virtual Enqueued enqueue(const PullRequest & request, const PullPolicy & policy, Time now) = 0;
    /** The next queued pull, now owned by `worker`; nothing when the queue is empty. */
    [[nodiscard]] virtual std::optional<Pull> claim(const std::string & worker, Time now) = 0;
    /** The newest pull of a key, ended or not: for the service itself. */
    [[nodiscard]] virtual std::optional<Pull> find_pull(const ImageKey & key) = 0;
    [[nodiscard]] virtual std::optional<Pull> find_pull(std::int64_t number) = 0;
    /** Moves a pull on; a step that may_follow() forbids is an Error. Updates the heartbeat. */
    virtual void advance(std::int64_t pull, State state, const std::string & message, const Progress & progress,
                         Time now) = 0;
    /** What the registry said of access: from now on others share the pull, or not. */
    virtual void set_access(std::int64_t pull, Access access, Time now) = 0;
    /** Heartbeat of all that `worker` has claimed, and of what waits to be claimed: as long as one works, none is lost.
     */
    virtual void beat(const std::string & worker, Time now) = 0;
    /** The image as publish() would leave it, with the grants of all owners: what belongs into its record on disk. */
    [[nodiscard]] virtual Image preview(const Publication & publication) = 0;
    /** READY: image row, tag, grants and the pull's end in one transaction. A tag leaves its older image (same type).
     */
    virtual void publish(const Publication & publication, Time now) = 0;
    virtual void fail(std::int64_t pull, const std::string & reason, bool retryable, Time now) = 0;
    /** Pulls of `system` that have not ended, oldest first. Show a caller only those that he may_see(). */
    [[nodiscard]] virtual std::vector<Pull> queue(const std::string & system) = 0;
    /** Pulls of `system` that have ended, the last first; the catalog keeps about a thousand. */
    [[nodiscard]] virtual std::vector<Pull> ended_pulls(const std::string & system, unsigned limit) = 0;
    /** After a crash or a stop: what this worker had claimed is queued again (R2). Returns how many. */
    virtual unsigned recover(const std::string & worker, Time now) = 0;

    // Metrics (contract 7.3).
    virtual void record_lookup(const MetricsRow & row) = 0;
    [[nodiscard]] virtual std::vector<MetricsRow> metrics(const std::string & system, unsigned limit) = 0;
};

/** Opens or creates the embedded catalog (SQLite, WAL). A newer schema is refused in words (R15). */
[[nodiscard]] std::unique_ptr<Catalog> open_sqlite_catalog(const std::string & path);

} // namespace shifter::catalog
