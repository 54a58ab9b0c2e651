/**
 * @file
 * What a new pull of known content changes: one image has as many tags, owners and lists of readers as pulls have shown
 * (H7-10, H7-11).
 */
#pragma once

#include "catalog/catalog.hpp"

namespace shifter::catalog {

/**
 * The image after a pull of `key` has shown `pulled`.
 *
 * Content that was read without credentials is public. Content that needed them is private, unless it is public under
 * another tag. Each owner changes his own grant alone; a pull without a list of readers leaves his earlier list.
 */
[[nodiscard]] Image merge(const std::optional<Image> & existing, const ImageKey & key, const Image & pulled);

/** `image` with the tags that `caller` may see; nothing when he may not read it. I33. */
[[nodiscard]] std::optional<Image> as_seen_by(const Identity & caller, Image image);
/** The same; `image` itself for who sees all of it. */
[[nodiscard]] SharedImage as_seen_by(const Identity & caller, const SharedImage & image);

} // namespace shifter::catalog
