/**
 * @file
 * The `.meta` file beside an image: what a launch needs to know of it. Grammar: contract 2.6, with its hazards done
 * right. The one place for both the writer (the gateway) and the reader (the runtime).
 */
#pragma once

#include "base/expected.hpp"
#include "site/acl.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shifter {

/** How an image is held. The runtime mounts squashfs; the others are read, and refused in words where they cannot be.
 */
enum class ImageFormat { squashfs, xfs, ext4, cramfs, vfs };

[[nodiscard]] std::string_view to_string(ImageFormat format) noexcept;

struct ImageRecord {
    ImageFormat format = ImageFormat::squashfs;
    std::optional<std::vector<std::string>> entrypoint;
    std::optional<std::vector<std::string>> cmd;
    std::optional<std::string> workdir;
    std::vector<std::string> env; ///< NAME=VALUE, in the image's order
    Acl acl;
    std::string platform; ///< "linux/amd64"; empty in files of older gateways

    bool operator==(const ImageRecord &) const = default;
};

/**
 * Reads a record. Unknown keys give nothing (H2-9); a malformed, repeated or empty ACL line, a wrong FORMAT or a NUL
 * refuse the whole record, so that no damage ever reads as "public" (I18, I34). Lists may be Python literals or JSON.
 * At most 16 MiB.
 */
[[nodiscard]] Expected<ImageRecord> parse_image_record(std::string_view text);

/**
 * Writes a record in the order FORMAT, ENTRY, CMD, WORKDIR, USERACL, GROUPACL, ENV…, so that deployed runtimes read it:
 * lists as Python literals when no element needs escaping, else as JSON. An environment variable that does not fit in
 * a line (line breaks, a backslash at the end, blanks at an edge: H2-7) goes into a JSON string behind "#ENV", and the
 * platform behind "#PLATFORM": for deployed runtimes both are comments. Other values of that kind, NULs, variables
 * without a name and records beyond 16 MiB are refused.
 */
[[nodiscard]] Expected<std::string> format_image_record(const ImageRecord & record);

} // namespace shifter
