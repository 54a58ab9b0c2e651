/**
 * @file
 * What owners may do with their images: let others in, put them out, hand an image over, give it up (I34). The catalog
 * and the record on the storage change together, under the content's lock.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "catalog/publisher.hpp"

#include <stop_token>
#include <string>

namespace shifter::catalog {

class Ownership {
public:
    /** @param writes_readers  whether records carry access lists (not with DISABLE_ACL_METADATA) */
    Ownership(Catalog & catalog, ImageStorage storage, bool writes_readers, std::stop_token stop = {})
        : catalog_{catalog}, storage_{std::move(storage)}, writes_readers_{writes_readers}, stop_{std::move(stop)} {}

    /** `owner`'s grant on a private image with more, or fewer, readers. @throws Error when he holds none */
    Image share(const Image & image, uid_t owner, const Acl & more, Time now);
    /** Both lists empty: all of them. */
    Image unshare(const Image & image, uid_t owner, const Acl & fewer, Time now);
    /** What `from` holds of the image (grant, claims, being its puller) becomes `to`'s. */
    Image hand_over(const Image & image, uid_t from, const Claim & to, Time now);

    enum class Left { tag, image, nothing };
    /** Gives up `uid`'s claim on a tag; with his last tag of the image his grant goes. @return what is left: the tag,
     * since others claim it; the image under other tags; or nothing, and the image may be retired */
    Left give_up(const ImageKey & key, const Image & image, uid_t uid, Time now);

private:
    Image change(const ImageId & id, const std::string & system, std::vector<Grant> grants, Time now);
    [[nodiscard]] Image find(const std::string & system, const ImageId & id);

    Catalog & catalog_;
    ImageStorage storage_;
    bool writes_readers_;
    std::stop_token stop_;
};

} // namespace shifter::catalog
