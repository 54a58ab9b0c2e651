/**
 * @file
 * Which catalog an image directory belongs to: gateways on one storage need one catalog, or each would remove what
 * another has published (R5).
 */
#pragma once

#include "base/unique_fd.hpp"
#include "catalog/publisher.hpp"

namespace shifter::catalog {

enum class Sharing {
    alone,  ///< the catalog is this gateway's own
    shared, ///< other gateways with the same catalog may be there
};

/** Held as long as the gateway lives; no dead process holds one. */
class StorageClaim {
public:
    /** Waits a few seconds for a gateway that is just stopping. @throws Error when the directory is in use otherwise */
    StorageClaim(const ImageStorage & storage, Sharing sharing);

private:
    UniqueFd fd_;
};

} // namespace shifter::catalog
