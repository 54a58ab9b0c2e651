/**
 * @file
 * A gateway's record, as the client needs it: whatever is missing or of another type reads as "MISSING" or 0 (H9-10).
 */
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace shifter::client {

/** A layer of an image, or of a pull on its way. */
struct LayerLine {
    std::string digest;
    std::string diff_id = {};     ///< of an image
    std::uint64_t size_bytes = 0; ///< compressed
    std::uint64_t bytes_done = 0; ///< of a pull
    std::string created_by = {};  ///< the command of the image's history; empty: not known
};

struct ImageInfo {
    std::string system = "MISSING";
    std::string type = "MISSING";
    std::string status = "MISSING";
    std::string id = "MISSING";
    std::string status_message;
    std::vector<std::string> tags;
    double last_pull = 0; ///< seconds since 1970
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
    bool is_private = false;
    std::vector<std::uint32_t> users = {}; ///< readers of a private image
    std::vector<std::uint32_t> groups = {};
    std::string digest = {}; ///< of the manifest; these are empty where the gateway does not say
    std::map<std::string, std::string> indexes = {}; ///< digests of those that tags named, by tag
    std::string reference = {};
    std::string platform = {};
    std::map<std::string, std::string> platforms = {}; ///< identifiers on all platforms of its system, where asked for
    std::uint64_t size_bytes = 0;                      ///< of the squashfs
    std::optional<std::uint32_t> owner = {};
    std::optional<double> expiration = {}; ///< seconds since 1970
    std::vector<LayerLine> layers = {};    ///< lowest first; of a pull, how far each is
};

/** @throws Error when the body is no JSON object */
[[nodiscard]] ImageInfo parse_image_info(const std::string & body);

/** The records of {"list":[…]}, and where the next page begins; empty: this was the last. */
struct ImagePage {
    std::vector<ImageInfo> images;
    std::string next;
};
/** @throws Error */
[[nodiscard]] ImagePage parse_image_page(const std::string & body);
/** @throws Error */
[[nodiscard]] std::vector<ImageInfo> parse_image_list(const std::string & body);

struct QueueEntry {
    std::string status = "MISSING";
    std::string image = "MISSING";
    std::string type = "MISSING";
    std::string message = {};
    std::string platform = {}; ///< on a system of several
    std::uint64_t pull = 0;
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
};
[[nodiscard]] std::vector<QueueEntry> parse_queue(const std::string & body);

/** The member "status" of an answer to expire and autoexpire. */
enum class Verdict { done, not_admin, no_such_image };
[[nodiscard]] Verdict parse_verdict(const std::string & body);
/** The texts of the member "status", when it is a list: what autoexpire removed. */
[[nodiscard]] std::vector<std::string> parse_removed(const std::string & body);

/** The body in two-space indentation, for `inspect`. @throws Error */
[[nodiscard]] std::string indented(const std::string & body);

/** {"allowed_uids":"1,2","allowed_gids":"3"}; empty without readers. */
[[nodiscard]] std::string pull_body(const std::vector<std::uint32_t> & users,
                                    const std::vector<std::uint32_t> & groups);

} // namespace shifter::client
