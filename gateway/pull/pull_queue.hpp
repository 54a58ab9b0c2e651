/**
 * @file
 * The workers that turn queued pulls into published images. Equal pulls at one time are one fetch (R6); a restart
 * carries on with what was queued (R2). States, who joins what, crashes: docs/explanation/pulls.md.
 *
 * Memory, besides the conversion's own (squash/convert.hpp): for each of settings.worker_threads conversions at most
 * settings.squash.parallel_layers blobs are open with a window of 2 MiB each: 8 MiB for one pull by the defaults. At
 * most 32 pulls wait with their manifest and configuration (each at most registry_limits.documents.max_bytes).
 */
#pragma once

#include "auth/credential.hpp"
#include "catalog/catalog.hpp"
#include "pull/gateway_settings.hpp"

#include <functional>
#include <memory>
#include <stop_token>

namespace shifter::pull {

class Origin;

class PullQueue {
public:
    /** Starts the workers. `catalog` and `settings` outlive the queue. */
    PullQueue(const GatewaySettings & settings, catalog::Catalog & catalog);
    /** Stops within two seconds: pulls on their way go back into the queue. */
    ~PullQueue();
    PullQueue(const PullQueue &) = delete;
    PullQueue & operator=(const PullQueue &) = delete;

    /**
     * Asks for an image; asking again is how clients follow a pull. Credentials stay in memory until the pull has
     * ended.
     * @param key  with the tag as stored_tag() has it
     * @throws Error for a system that is unknown, a reference that is refused, or a registry that the site does not
     * allow
     */
    [[nodiscard]] catalog::Enqueued submit(const catalog::ImageKey & key, const auth::Caller & caller,
                                           const Acl & requested_acl);

    /** Publishes, as `key`, content that the caller has brought. Always a pull of its own, followed by its number. */
    [[nodiscard]] catalog::Enqueued submit_content(const catalog::ImageKey & key, const auth::Caller & caller,
                                                   const Acl & requested_acl,
                                                   std::function<std::unique_ptr<Origin>(std::stop_token)> origin);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace shifter::pull
