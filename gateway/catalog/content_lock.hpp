/**
 * @file
 * Who may publish or remove one content: one at a time, over all threads, processes and hosts that share the storage
 * (R5). A publication that found a file whole and a removal that takes it away must not overlap: the row would be READY
 * without a file (R1).
 */
#pragma once

#include "base/image_id.hpp"
#include "base/unique_fd.hpp"
#include "catalog/publisher.hpp"

#include <chrono>
#include <stop_token>

namespace shifter::catalog {

/** A publication syncs as much as an image has bytes, so a wait may be long. One that stands still in its middle keeps
 * the others from this content, and from nothing else: a pull goes back into the queue after the wait. */
constexpr std::chrono::minutes longest_wait_for_content{2};

/**
 * Held as long as the object lives, and by no dead process: the kernel, or the file server, gives it back.
 *
 * One byte of imageDir/.lock for each content, since a lock file for each image would have to be removed in its turn.
 */
class ContentLock {
public:
    /** Waits for its turn. @throws Error when `stop` is requested, or where the file system has no locks; Unavailable
     * after longest_wait_for_content */
    ContentLock(const ImageStorage & storage, const ImageId & id, const std::stop_token & stop = {});

private:
    UniqueFd fd_;
};

} // namespace shifter::catalog
