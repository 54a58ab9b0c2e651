#include "catalog/merge.hpp"

#include <algorithm>

namespace shifter::catalog {

namespace {

using Tags = std::vector<std::string>;

bool contains(const Tags & tags, const std::string & tag) {
    return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

void set_member(Tags & tags, const std::string & tag, bool is_member) {
    tags.erase(std::remove(tags.begin(), tags.end(), tag), tags.end());
    if (is_member) tags.insert(std::lower_bound(tags.begin(), tags.end(), tag), tag);
}

void set_index(Image & image, const std::string & tag, const std::string & digest) {
    auto & indexes = image.indexes;
    std::erase_if(indexes, [&](const TagIndex & each) { return each.tag == tag; });
    const auto is_before = [&](const TagIndex & each) { return each.tag < tag; };
    if (!digest.empty()) indexes.insert(std::partition_point(indexes.begin(), indexes.end(), is_before), {tag, digest});
}

void add_grant(std::vector<Grant> & grants, const Grant & grant) {
    const auto own =
        std::find_if(grants.begin(), grants.end(), [&](const Grant & each) { return each.owner == grant.owner; });
    if (own == grants.end()) {
        grants.push_back(grant);
    } else if (!grant.readers.is_public()) {
        own->readers = grant.readers;
    }
}

/** Whether `image` is public for another reason than `tag`. */
bool is_public_elsewhere(const Image & image, const std::string & tag) {
    if (image.is_private) return false;
    return std::any_of(image.tags.begin(), image.tags.end(),
                       [&](const std::string & each) { return each != tag && !contains(image.private_tags, each); });
}

} // namespace

Image merge(const std::optional<Image> & existing, const ImageKey & key, const Image & pulled) {
    Image image = pulled;
    image.system = key.system;
    image.type = key.type;
    image.tags = existing ? existing->tags : Tags{};
    image.private_tags = existing ? existing->private_tags : Tags{};
    image.indexes = existing ? existing->indexes : std::vector<TagIndex>{};
    set_member(image.tags, key.tag, true);
    set_member(image.private_tags, key.tag, pulled.is_private);
    set_index(image, key.tag, pulled.index_of(key.tag));
    if (existing) {
        image.grants = existing->grants;
        for (const Grant & grant : pulled.grants) add_grant(image.grants, grant);
        if (!image.dropped) image.dropped = existing->dropped; // it was not converted again
        image.is_private = pulled.is_private && !is_public_elsewhere(*existing, key.tag);
    }
    return image;
}

std::optional<Image> as_seen_by(const Identity & caller, Image image) {
    if (!image.may_read(caller)) return std::nullopt;
    if (!image.holds_grant(caller)) {
        for (const std::string & tag : image.private_tags) {
            set_member(image.tags, tag, false);
            set_index(image, tag, "");
        }
        image.private_tags.clear();
    }
    return image;
}

SharedImage as_seen_by(const Identity & caller, const SharedImage & image) {
    if (!image->may_read(caller)) return nullptr;
    if (image->private_tags.empty() || image->holds_grant(caller)) return image;
    return std::make_shared<const Image>(*as_seen_by(caller, Image{*image}));
}

} // namespace shifter::catalog
