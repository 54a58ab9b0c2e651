#include "catalog/ownership.hpp"

#include "base/error.hpp"
#include "catalog/content_lock.hpp"

#include <algorithm>

namespace shifter::catalog {

namespace {

template <class Id> void add(std::vector<Id> & ids, const std::vector<Id> & more) {
    ids.insert(ids.end(), more.begin(), more.end());
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

template <class Id> void take(std::vector<Id> & ids, const std::vector<Id> & fewer) {
    const auto is_taken = [&](Id id) { return std::find(fewer.begin(), fewer.end(), id) != fewer.end(); };
    ids.erase(std::remove_if(ids.begin(), ids.end(), is_taken), ids.end());
}

Grant & grant_of(std::vector<Grant> & grants, uid_t owner) {
    const auto found =
        std::find_if(grants.begin(), grants.end(), [&](const Grant & each) { return each.owner == owner; });
    if (found == grants.end()) throw Error{"uid " + std::to_string(owner) + " does not own the image"};
    return *found;
}

} // namespace

Image Ownership::find(const std::string & system, const ImageId & id) {
    auto image = catalog_.find(system, id);
    if (!image) throw Error{"the image was removed in the meantime"};
    return *std::move(image);
}

/** The record first: whoever is put out is out on the nodes before anybody is told so. Under the content's lock. */
Image Ownership::change(const ImageId & id, const std::string & system, std::vector<Grant> grants, Time now) {
    Image changed = find(system, id);
    changed.grants = std::move(grants);
    // A private image without an owner would be written down without an access list, and that says "public".
    if (changed.is_private && changed.grants.empty()) throw Error{"a private image needs an owner"};
    const auto privacy = changed.is_private ? Privacy::readers_only : Privacy::everybody;
    if (writes_readers_) Publisher{storage_}.set_readers(id, changed.acl(), privacy);
    catalog_.set_grants(system, id, changed.grants, now);
    return changed;
}

Image Ownership::share(const Image & image, uid_t owner, const Acl & more, Time now) {
    const ContentLock lock{storage_, image.id, stop_};
    auto grants = find(image.system, image.id).grants;
    Acl & readers = grant_of(grants, owner).readers;
    add(readers.users, more.users);
    add(readers.groups, more.groups);
    return change(image.id, image.system, std::move(grants), now);
}

Image Ownership::unshare(const Image & image, uid_t owner, const Acl & fewer, Time now) {
    const ContentLock lock{storage_, image.id, stop_};
    auto grants = find(image.system, image.id).grants;
    Acl & readers = grant_of(grants, owner).readers;
    if (fewer.is_public()) {
        readers = {};
    } else {
        take(readers.users, fewer.users);
        take(readers.groups, fewer.groups);
    }
    return change(image.id, image.system, std::move(grants), now);
}

Image Ownership::hand_over(const Image & image, uid_t from, const Claim & to, Time now) {
    const ContentLock lock{storage_, image.id, stop_};
    Image changed = find(image.system, image.id);
    if (changed.is_private) {
        auto grants = changed.grants;
        const Acl readers = grant_of(grants, from).readers;
        const auto is_either = [&](const Grant & each) { return each.owner == from || each.owner == to.uid; };
        Grant joint{to.uid, readers};
        for (const Grant & each : grants) {
            if (each.owner != to.uid) continue;
            add(joint.readers.users, each.readers.users);
            add(joint.readers.groups, each.readers.groups);
        }
        grants.erase(std::remove_if(grants.begin(), grants.end(), is_either), grants.end());
        grants.push_back(std::move(joint));
        changed = change(image.id, image.system, std::move(grants), now);
    }
    catalog_.move_claims(image.system, image.id, from, to);
    if (changed.puller == from) catalog_.set_puller(image.system, image.id, to.uid);
    changed.puller = to.uid;
    return changed;
}

Ownership::Left Ownership::give_up(const ImageKey & key, const Image & image, uid_t uid, Time now) {
    const ContentLock lock{storage_, image.id, stop_};
    const bool is_last_of_his = catalog_.claimed_tags(image.system, image.id, uid) == std::vector{key.tag};
    const bool was_last = catalog_.give_up(key, uid);
    const auto left = catalog_.find(image.system, image.id);
    if (!left || left->tags.empty()) return Left::nothing;
    if (left->is_private && is_last_of_his) {
        auto grants = left->grants;
        grants.erase(
            std::remove_if(grants.begin(), grants.end(), [&](const Grant & each) { return each.owner == uid; }),
            grants.end());
        if (grants.empty()) {
            for (const std::string & tag : left->tags) (void)catalog_.remove_tag({key.system, key.type, tag});
            return Left::nothing;
        }
        (void)change(image.id, image.system, std::move(grants), now);
    }
    return was_last ? Left::image : Left::tag;
}

} // namespace shifter::catalog
