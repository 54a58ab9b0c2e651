/**
 * @file
 * What has been published and what is on its way: one interface, and SQLite or PostgreSQL behind it.
 *
 * Every method is one transaction, thread-safe, and answers committed state. Errors are exceptions in bounded time,
 * never an empty answer (R9): Unavailable while the database is away, Error for the rest.
 */
#pragma once

#include "base/error.hpp"
#include "catalog/types.hpp"

#include <functional>
#include <memory>
#include <variant>

namespace shifter::catalog {

/** The database is away, or does not let us in: nothing is wrong with what was asked, and another try may work. The
 * service answers 503. */
class Unavailable : public Error {
public:
    using Error::Error;
};

/** Somebody else has the pull by now: what this worker does for it counts no more (R5). */
class HoldLost : public Error {
public:
    using Error::Error;
};

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
    /** The published image will not do, whatever its age: its file is damaged or gone (R1). */
    bool image_is_damaged = false;
    /** The requester brings the content himself: no other pull and no image can be the answer. */
    bool brings_content = false;
    /** With it: the only worker that has the content, and may claim the pull. */
    std::string home;
    /** His login for whichever gateway claims the pull, sealed (auth::seal); empty when it stays in this process. */
    std::string sealed_login;
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
    Hold pull;
    /** Tags are ignored: the pull's key gives the tag, and `indexes` says which index it named. For a private image
     * `grants` holds the requester's own. */
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

/** An image as somebody may see it. Those who see the same of it may have one and the same. */
using SharedImage = std::shared_ptr<const Image>;

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
    /** The same for a person: what he may not see does not exist, tags included (I33). Null: there is none. */
    [[nodiscard]] virtual SharedImage find_readable(const ImageKey & key, const Identity & caller) = 0;
    [[nodiscard]] virtual SharedImage find_readable(const std::string & system, const ImageId & id,
                                                    const Identity & caller) = 0;
    /** Those of them with a tag that named the index `digest` when it was pulled, and that `caller` may see. */
    [[nodiscard]] virtual std::vector<Image> readable_of_index(const std::string & system, const std::string & digest,
                                                               const Identity & caller) = 0;
    /** All images of a system that `caller` may read, in no order that is promised; streams, so memory stays flat. */
    virtual void for_each_image(const std::string & system, const Identity & caller,
                                const std::function<void(const Image &)> & visit) = 0;
    /** The same in the order of identifiers, from the first one after `after` (empty: the first of all), until `visit`
     * says false: what a page costs does not grow with the catalog.
     * @param expected  how many `visit` will probably look at, so that about as many are read */
    virtual void for_each_image_after(const std::string & system, const std::string & after, const Identity & caller,
                                      std::size_t expected, const std::function<bool(const Image &)> & visit) = 0;
    [[nodiscard]] virtual PublicImages public_images(const std::string & system, unsigned limit) = 0;
    /** A lookup: refreshes `expiration` (written only when it moves by more than an hour). */
    virtual void touch(const std::string & system, const ImageId & id, Time expiration) = 0;
    /** Takes a tag, and all claims on it, from its image; true when it was there. The image stays until `retire`. */
    virtual bool remove_tag(const ImageKey & key) = 0;
    /** Images that expire before `before` and are not pinned, or that lost their last tag (H7-8); the longest unused
     * first, since each lookup moves the expiration on. */
    [[nodiscard]] virtual std::vector<Image> expired(const std::string & system, Time before) = 0;
    /** Sum of all images' sizes. */
    [[nodiscard]] virtual std::uint64_t stored_bytes(const std::string & system) = 0;
    /** Replaces one owner's grant on a private image. */
    virtual void set_grant(const std::string & system, const ImageId & id, const Grant & grant, Time now) = 0;
    /** Replaces all grants of a private image. */
    virtual void set_grants(const std::string & system, const ImageId & id, const std::vector<Grant> & grants,
                            Time now) = 0;
    virtual void set_puller(const std::string & system, const ImageId & id, uid_t puller) = 0;
    /** An admin's word that an image does not expire. */
    virtual void set_pinned(const std::string & system, const ImageId & id, bool is_pinned) = 0;

    // Claims: who wants a tag to stay.
    [[nodiscard]] virtual std::vector<Claim> claims(const ImageKey & key) = 0;
    /** The tags of an image on which `uid` has a claim. */
    [[nodiscard]] virtual std::vector<std::string> claimed_tags(const std::string & system, const ImageId & id,
                                                                uid_t uid) = 0;
    /** The tags on which `uid` has a claim, in their order. */
    [[nodiscard]] virtual std::vector<ImageKey> claimed_by(const std::string & system, uid_t uid) = 0;
    /** Gives up one claim; with the last one the tag goes. @return whether the tag is gone */
    virtual bool give_up(const ImageKey & key, uid_t uid) = 0;
    /** All claims of `from` on the tags of an image become those of `to`. */
    virtual void move_claims(const std::string & system, const ImageId & id, uid_t from, const Claim & to) = 0;
    [[nodiscard]] virtual Usage usage_of_user(const std::string & system, uid_t uid) = 0;
    [[nodiscard]] virtual Usage usage_of_group(const std::string & system, gid_t gid) = 0;

    // The end of an image. Whoever retires or removes holds its ContentLock.
    /** Takes the row of an image without tags; or of any that expires before `before` and is not pinned. Looks once
     * more, in the transaction that takes it. Nobody can look it up then; its files stay. */
    virtual bool retire(const std::string & system, const ImageId & id, std::optional<Time> before, Time now) = 0;
    /** Retired images whose files may be removed, the oldest first. */
    [[nodiscard]] virtual std::vector<RetiredImage> retired(const std::string & system, Time before) = 0;
    /** Whether the image is retired, and was not published anew. */
    [[nodiscard]] virtual bool is_retired(const std::string & system, const ImageId & id) = 0;
    /** Its files are gone. */
    virtual void forget_retired(const std::string & system, const ImageId & id) = 0;

    // Pulls.
    /** Contract 7.5 in one place: joins a pull on its way, answers a recent image, or queues a new pull (R6). */
    [[nodiscard]] virtual Enqueued enqueue(const PullRequest & request, const PullPolicy & policy, Time now) = 0;
    /** The next queued pull, now owned by `worker`; nothing when the queue is empty. */
    [[nodiscard]] virtual std::optional<Pull> claim(const std::string & worker, Time now) = 0;
    /** The newest pull of a key, ended or not: for the service itself. */
    [[nodiscard]] virtual std::optional<Pull> find_pull(const ImageKey & key) = 0;
    [[nodiscard]] virtual std::optional<Pull> find_pull(std::int64_t number) = 0;
    // What a worker does with the pull that it holds; HoldLost when it does not any more, and then nothing is changed.
    /** Moves a pull on; a step that may_follow() forbids is an Error. Updates the heartbeat. */
    virtual void advance(const Hold & pull, State state, const std::string & message, const Progress & progress,
                         Time now) = 0;
    /** What the registry said of access: from now on others share the pull, or not. */
    virtual void set_access(const Hold & pull, Access access, Time now) = 0;
    /** Whether the pull may convert `content` now: no other pull, of any gateway, is at it. Until the pull ends or is
     * queued again. */
    [[nodiscard]] virtual bool take_content(const Hold & pull, const ImageId & content) = 0;
    /** Not ended, and not the worker's any more: the next one who claims it begins anew. */
    virtual void put_back(const Hold & pull, Time now) = 0;
    /** The requester's login as PullRequest had it; nothing when he had none, or it stayed in another process. */
    [[nodiscard]] virtual std::optional<std::string> sealed_login(const Hold & pull) = 0;
    /** The image as publish() would leave it, with the grants of all owners: what belongs into its record on disk. */
    [[nodiscard]] virtual Image preview(const Publication & publication) = 0;
    /** Before files get their names: until a row is published they count as those of an image that was retired now, so
     * that they go by themselves if it never is. Nothing for content that has a row. The caller holds its ContentLock.
     */
    virtual void announce_files(const Hold & pull, const ImageId & content, std::uint64_t size_bytes, Time now) = 0;
    /** READY: image row, tag, grants and the pull's end in one transaction. A tag leaves its older image (same type).
     */
    virtual void publish(const Publication & publication, Time now) = 0;
    /** Publishes without a pull what another service has published before; false when the tag is taken, and stays. */
    virtual bool adopt(const Image & image, const ImageKey & key, Time now) = 0;
    virtual void fail(const Hold & pull, const std::string & reason, bool retryable, Time now) = 0;
    /** Heartbeat of all that `worker` has claimed, and of what waits to be claimed: as long as one works, none is lost.
     */
    virtual void beat(const std::string & worker, Time now) = 0;
    /** Pulls of `system` that have not ended, oldest first. Show a caller only those that he may_see(). */
    [[nodiscard]] virtual std::vector<Pull> queue(const std::string & system) = 0;
    /** Pulls of `system` that have ended, the last first; the catalog keeps about a thousand. */
    [[nodiscard]] virtual std::vector<Pull> ended_pulls(const std::string & system, unsigned limit) = 0;
    /** After a crash or a stop: what this worker had claimed, or an earlier "worker/…", is queued again (R2). Returns
     * how many. */
    virtual unsigned recover(const std::string & worker, Time now) = 0;
    /** The same for pulls of other workers whose heartbeat has not moved for `lease`: by the steady clock of this
     * process, from the first call that saw it, so no other clock has a say (R10). */
    virtual unsigned recover_lost(const std::string & worker, std::chrono::seconds lease, Time now) = 0;

    // What gateways do together.
    /** Whose turn it is to do for all what is done once in `interval`: true for the first who asks. */
    [[nodiscard]] virtual bool take_turn(const std::string & chore, std::chrono::seconds interval, Time now) = 0;
    /** False when `digest`, of a credential that counts until `until`, was given before (I32). */
    [[nodiscard]] virtual bool use_once(const std::string & digest, Time until) = 0;

    // Metrics (contract 7.3).
    /** Written a moment later, with others; metrics() of the same process has it at once. */
    virtual void record_lookup(const MetricsRow & row) = 0;
    [[nodiscard]] virtual std::vector<MetricsRow> metrics(const std::string & system, unsigned limit) = 0;
};

/** Opens or creates the embedded catalog (SQLite, WAL). A newer schema is refused in words (R15). */
[[nodiscard]] std::unique_ptr<Catalog> open_sqlite_catalog(const std::string & path);

} // namespace shifter::catalog
