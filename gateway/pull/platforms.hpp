/**
 * @file
 * Several platforms under one tag of a system: how the catalog tells them apart, in one place.
 *
 * A tag on the system's first platform is stored as it is, "org/app:1"; on another with that one behind a blank,
 * "org/app:1 linux/arm64". No name of an image has a blank. So to the catalog they are two tags of one system, each
 * with claims, readers, expiry and pulls of its own, and what is counted for a system or a person counts them all.
 * Content that is the same on two platforms is one image with two tags, whose file stays for the last of them.
 */
#pragma once

#include "pull/gateway_settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shifter::pull {

/** All platforms of a system, the first one first. */
[[nodiscard]] std::vector<Platform> platforms_of(const System & system);
[[nodiscard]] inline bool has_several_platforms(const System & system) { return !system.more_platforms.empty(); }

/** A stored tag in its two parts; `platform` is empty for the system's first. Both look into the text. */
struct TagOnPlatform {
    std::string_view name;
    std::string_view platform;
};
[[nodiscard]] TagOnPlatform split_tag(std::string_view stored);
/** What people call a stored tag. */
[[nodiscard]] std::string name_of(std::string_view stored);
/** @param platform  one of the system's. @param name  as canonical_tag() has it */
[[nodiscard]] std::string stored_tag(const System & system, const Platform & platform, const std::string & name);

/** Which platform a stored tag is on. @throws Error when the system does not have it any more */
[[nodiscard]] Platform platform_of(const System & system, std::string_view stored);

/** Whether an image that was found by a tag on `platform` was built for it: an admin may have made another platform the
 * system's first since it was pulled. */
[[nodiscard]] bool is_for_platform(const System & system, const catalog::Image & image, const Platform & platform);

} // namespace shifter::pull
