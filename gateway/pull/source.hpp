/**
 * @file
 * What a tag means at this site: the text that it is stored by, and the registry that it is pulled from.
 */
#pragma once

#include "base/image_reference.hpp"
#include "base/image_request.hpp"
#include "pull/gateway_settings.hpp"

#include <optional>
#include <string>

namespace shifter::pull {

/** The tag as it is stored and compared, for every route alike: docker gets ":latest" when it has neither tag nor
 * digest. */
[[nodiscard]] std::string canonical_tag(ImageType type, const std::string & tag);

/** The registry that a name means at this site; nothing when the site does not allow it. */
[[nodiscard]] std::optional<registry::Location> location_named(const GatewaySettings & settings,
                                                               const std::string & name);

/** A tag of type docker, understood. */
struct Source {
    ImageReference reference;
    registry::Location location;
};

/** @throws Error for a reference that is refused, or a registry that the site does not allow */
[[nodiscard]] Source resolve_source(const GatewaySettings & settings, const std::string & tag);

} // namespace shifter::pull
