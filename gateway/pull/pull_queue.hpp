/**
 * @file
 * The workers that turn queued pulls into published images. Equal pulls at one time are one fetch (R6); a restart
 * carries on with what was queued (R2).
 */
#pragma once

#include "auth/credential.hpp"
#include "catalog/catalog.hpp"
#include "pull/gateway_settings.hpp"

#include <memory>

namespace shifter::pull {

class PullQueue {
public:
    /** Starts the workers. `catalog` and `settings` outlive the queue. */
    PullQueue(const GatewaySettings & settings, catalog::Catalog & catalog);
    /** Stops within seconds: pulls on their way go back into the queue. */
    ~PullQueue();
    PullQueue(const PullQueue &) = delete;
    PullQueue & operator=(const PullQueue &) = delete;

    /**
     * Asks for an image. Credentials stay in memory until the pull has ended.
     * @throws Error for a reference that is refused, or a registry that the site does not allow
     */
    [[nodiscard]] catalog::Enqueued submit(const std::string & system, ImageType type, const std::string & tag,
                                           const auth::Caller & caller, const Acl & requested_acl);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

/** The tag as it is stored and compared, for every route alike: docker gets ":latest" when it has neither tag nor digest. */
[[nodiscard]] std::string canonical_tag(ImageType type, const std::string & tag);

/** The registry, repository and location that a tag of type docker means at this site. @throws Error when not allowed. */
struct Source {
    ImageReference reference;
    registry::Location location;
};
[[nodiscard]] Source resolve_source(const GatewaySettings & settings, const std::string & tag);

} // namespace shifter::pull
