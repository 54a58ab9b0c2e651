/**
 * @file
 * From a resolved image to what is published of it: the record on disk, and the time that the conversion stamps.
 */
#pragma once

#include "oci/manifest.hpp"
#include "site/image_record.hpp"

#include <cstdint>
#include <string_view>

namespace shifter::pull {

/**
 * The record of an image without its access list. @throws Error, naming the variable or field, for a configuration that
 * no record can hold (H2-7); nothing is dropped or changed.
 */
[[nodiscard]] ImageRecord record_of(const oci::ImageConfig & config);

/** Seconds since the epoch of an RFC 3339 time; 0 for an absent, malformed or unrepresentable one. */
[[nodiscard]] std::uint32_t created_seconds(std::string_view rfc3339) noexcept;

} // namespace shifter::pull
