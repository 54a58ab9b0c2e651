/**
 * @file
 * What shifterimg prints, byte for byte. Contract 9.3.
 */
#pragma once

#include "client/image_info.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::client {

/** "YYYY-MM-DDTHH:MM:SS" in local time. */
[[nodiscard]] std::string local_time(double seconds_since_1970);

/** One line for each image and tag, sorted bytewise by tag: "%-10s %-10s %-8s %-.10s   %s %-30s". */
[[nodiscard]] std::string image_lines(const std::vector<ImageInfo> & images);

/** "<time> Pulling Image: <type>:<tag>, status: <STATE>"; the state is the sixth word. */
[[nodiscard]] std::string status_line(std::chrono::system_clock::time_point now, std::string_view image,
                                      std::string_view state);

/** MISSING, INIT, PENDING, PULLING, EXAMINATION, CONVERSION, TRANSFER, and HASHING (H9-8). */
[[nodiscard]] bool is_under_way(std::string_view state) noexcept;

/** "  120.3 of 370.1 MiB, 45.2 MiB/s, 0:05 left", what of it is known; empty before the size is known. */
[[nodiscard]] std::string progress_words(std::uint64_t done, std::uint64_t total, double bytes_per_second);

} // namespace shifter::client
