/**
 * @file
 * The published images of a site, as a node sees them: `<id>.squashfs` and `<id>.meta` in imagePath. I17, I33.
 */
#pragma once

#include "base/identity.hpp"
#include "base/image_id.hpp"
#include "base/unique_fd.hpp"
#include "site/image_record.hpp"
#include "site/site_config.hpp"

#include <optional>
#include <string>
#include <sys/types.h>

namespace shifter {

/** An image that was checked; `file` is the descriptor that was checked, and the one to mount. */
struct OpenImage {
    ImageId id;
    ImageRecord record;
    UniqueFd file; ///< O_RDONLY, regular, writable by nobody but its owner
};

class ImageStore {
public:
    /** Opens imagePath by its trusted path. @throws Error */
    explicit ImageStore(const SiteConfig & site);

    /**
     * Opens an image for `caller`: beneath the one directory descriptor, no links, regular files, owned by root or the
     * gateway account, writable by nobody else. @throws Error: an image that does not exist and one that the caller may
     * not see give the same sentence (I33). Damage (a record that cannot be read or trusted) has a sentence of its own:
     * whose image it is cannot be told then, and somebody must act.
     */
    [[nodiscard]] OpenImage open(const ImageId & id, const Identity & caller) const;

private:
    [[nodiscard]] std::optional<UniqueFd> open_file(const std::string & name) const;

    std::string path_;
    uid_t gateway_uid_;
    UniqueFd directory_;
};

} // namespace shifter
