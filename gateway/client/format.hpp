/**
 * @file
 * What shifterimg prints, byte for byte. Contract 9.3.
 */
#pragma once

#include "client/image_info.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::client {

/** "YYYY-MM-DDTHH:MM:SS" in local time. */
[[nodiscard]] std::string local_time(double seconds_since_1970);

/** One line for each image and tag, sorted bytewise by tag: "%-10s %-10s %-8s %-.10s   %s %-30s". */
[[nodiscard]] std::string image_lines(const std::vector<ImageInfo> & images);

/** The same, and behind each tag the size, the owner as `name_of_owner` has it, the digest, and the platform where it
 * is wanted; "-" for what is unknown. */
[[nodiscard]] std::string long_image_lines(const std::vector<ImageInfo> & images,
                                           const std::function<std::string(std::uint32_t)> & name_of_owner,
                                           bool with_platform = false);

/** "28.0MiB": three units are enough for people, and no blank splits the column. */
[[nodiscard]] std::string human_size(std::uint64_t bytes);

/** The first twelve digits of a digest, without its algorithm. */
[[nodiscard]] std::string short_digest(std::string_view digest);

/** Whether `tag` is meant by a pattern of words and wildcards (glob(7)); one without wildcards may stand anywhere. */
[[nodiscard]] bool matches(std::string_view pattern, const std::string & tag);

/** "<time> Pulling Image: <type>:<tag>, status: <STATE>"; the state is the sixth word. */
[[nodiscard]] std::string status_line(std::chrono::system_clock::time_point now, std::string_view image,
                                      std::string_view state);

/** MISSING, INIT, PENDING, PULLING, EXAMINATION, CONVERSION, TRANSFER, and HASHING (H9-8). */
[[nodiscard]] bool is_under_way(std::string_view state) noexcept;

/** "  120.3 of 370.1 MiB, 45.2 MiB/s, 0:05 left", what of it is known; empty before the size is known. */
[[nodiscard]] std::string progress_words(std::uint64_t done, std::uint64_t total, double bytes_per_second);

} // namespace shifter::client
