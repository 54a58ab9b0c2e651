#include "client/format.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

#include <fnmatch.h>

namespace shifter::client {
namespace {

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

std::string mebibytes(double bytes) {
    std::array<char, 48> text{};
    (void)std::snprintf(text.data(), text.size(), "%.1f", bytes / (1024.0 * 1024.0));
    return text.data();
}

} // namespace

std::string local_time(double seconds_since_1970) {
    const bool fits = std::isfinite(seconds_since_1970) && std::fabs(seconds_since_1970) < 1e11;
    const auto seconds = static_cast<std::time_t>(fits ? seconds_since_1970 : 0);
    std::tm parts{};
    std::array<char, 40> text{};
    if (::localtime_r(&seconds, &parts) == nullptr ||
        std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        return "1970-01-01T00:00:00";
    return text.data();
}

namespace {

/** What stands behind the tag of a line. */
using More = std::function<std::string(const ImageInfo &)>;

std::string lines_of(const std::vector<ImageInfo> & images, const More & more) {
    struct Line {
        const std::string * tag;
        const ImageInfo * image;
    };
    std::vector<Line> lines;
    for (const ImageInfo & image : images)
        for (const std::string & tag : image.tags) lines.push_back({&tag, &image});
    std::stable_sort(lines.begin(), lines.end(), [](const Line & a, const Line & b) { return *a.tag < *b.tag; });
    std::string text;
    for (const auto & [tag, image] : lines) {
        text += padded(image->system, 10) + " " + padded(image->type, 10) + " " + padded(image->status, 8) + " ";
        text += image->id.substr(0, 10) + "   " + local_time(image->last_pull) + " " + padded(*tag, 30) + more(*image) +
                "\n";
    }
    return text;
}

} // namespace

std::string image_lines(const std::vector<ImageInfo> & images) {
    return lines_of(images, [](const ImageInfo &) { return std::string{}; });
}

std::string long_image_lines(const std::vector<ImageInfo> & images,
                             const std::function<std::string(std::uint32_t)> & name_of_owner, bool with_platform) {
    return lines_of(images, [&](const ImageInfo & image) {
        const std::string owner = image.owner ? name_of_owner(*image.owner) : "-";
        return " " + padded(human_size(image.size_bytes), 9) + " " + padded(owner, 12) + " " +
               (image.digest.empty() ? "-" : image.digest) +
               (with_platform ? " " + (image.platform.empty() ? "-" : image.platform) : "");
    });
}

std::string human_size(std::uint64_t bytes) {
    constexpr std::array<const char *, 5> units = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    auto size = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
    std::array<char, 40> text{};
    (void)std::snprintf(text.data(), text.size(), "%.1f%s", size, units.at(unit));
    return text.data();
}

std::string short_digest(std::string_view digest) {
    const std::size_t colon = digest.find(':');
    return std::string{digest.substr(colon == std::string_view::npos ? 0 : colon + 1, 12)};
}

bool matches(std::string_view pattern, const std::string & tag) {
    if (pattern.find_first_of("*?[") == std::string_view::npos) return tag.find(pattern) != std::string::npos;
    return ::fnmatch(std::string{pattern}.c_str(), tag.c_str(), 0) == 0;
}

std::string status_line(std::chrono::system_clock::time_point now, std::string_view image, std::string_view state) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    std::string line = local_time(static_cast<double>(seconds)) + " Pulling Image: ";
    line += image;
    line += ", status: ";
    line += state;
    return line;
}

bool is_under_way(std::string_view state) noexcept {
    constexpr std::array<std::string_view, 8> states = {"MISSING",     "INIT",       "PENDING",  "PULLING",
                                                        "EXAMINATION", "CONVERSION", "TRANSFER", "HASHING"};
    return std::find(states.begin(), states.end(), state) != states.end();
}

std::string progress_words(std::uint64_t done, std::uint64_t total, double bytes_per_second) {
    if (total == 0) return {};
    const auto bytes_done = static_cast<double>(std::min(done, total));
    const auto bytes_total = static_cast<double>(total);
    std::string words = "  " + mebibytes(bytes_done) + " of " + mebibytes(bytes_total) + " MiB";
    if (bytes_per_second >= 1 && done < total) {
        words += ", " + mebibytes(bytes_per_second) + " MiB/s";
        const double left = std::ceil((bytes_total - bytes_done) / bytes_per_second);
        if (left < 360'000) {
            std::array<char, 32> text{};
            (void)std::snprintf(text.data(), text.size(), ", %d:%02d left", static_cast<int>(left) / 60,
                                static_cast<int>(left) % 60);
            words += text.data();
        }
    }
    return words;
}

} // namespace shifter::client
