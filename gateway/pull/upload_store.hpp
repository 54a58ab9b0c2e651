/**
 * @file
 * What users send, piece by piece, until it is whole: image archives and squashfs files. Pieces, because each is a
 * small request with a credential of its own: a slow sender costs a descriptor and disk, and no connection or memory.
 *
 * A spool file has no name from the moment it exists, so it is gone with its upload, with an idle hour, and with this
 * process however it ends. Mode 0600, in the cache directory (I25, I33).
 */
#pragma once

#include "base/identity.hpp"
#include "pull/gateway_settings.hpp"
#include "pull/image_archive.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

namespace shifter::pull {

/** A piece that does not begin where the last one ended. */
class OutOfStep : public Error {
public:
    using Error::Error;
};

/** A file in `directory` for bytes on their way: mode 0600, and without a name. @throws SysError */
[[nodiscard]] UniqueFd make_spool(const std::string & directory);

class UploadStore {
public:
    /** `settings` outlives it. */
    explicit UploadStore(const GatewaySettings & settings) : settings_{settings} {}

    /** An identifier that only its maker learns. @throws OverQuota when he has too many under way; SysError */
    [[nodiscard]] std::string begin(uid_t owner);
    /**
     * Adds a piece at `offset`, which is where the last one ended; the last one once more is taken as read, since its
     * answer may have been lost. Returns the size so far.
     * @throws UnknownUpload, also for somebody else's; OutOfStep; OverQuota beyond UploadBytes; SysError, and the
     * upload is gone
     */
    std::uint64_t add(const std::string & upload, uid_t owner, std::uint64_t offset, std::string_view bytes);
    /** The whole, which the store forgets. @throws UnknownUpload; OutOfStep when it is not `size_bytes` long */
    [[nodiscard]] std::shared_ptr<const SharedFile> finish(const std::string & upload, uid_t owner,
                                                           std::uint64_t size_bytes);
    void drop(const std::string & upload, uid_t owner);
    /** Forgets uploads on which nothing moved for UploadTimeout. Also done by begin(). */
    void drop_idle();

private:
    using Clock = std::chrono::steady_clock;
    struct Upload {
        std::mutex mutex; ///< one piece at a time
        uid_t owner = 0;
        UniqueFd fd;
        std::uint64_t size_bytes = 0;
        Clock::time_point last_piece;
    };
    [[nodiscard]] std::shared_ptr<Upload> find(const std::string & upload, uid_t owner);

    const GatewaySettings & settings_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<Upload>> uploads_;
};

/** There is no such upload of this person's: it was never begun, has ended, was idle for long, or the gateway
 * restarted. */
class UnknownUpload : public Error {
public:
    UnknownUpload() : Error{"the gateway does not know this upload (any more); send the image again"} {}
};

} // namespace shifter::pull
