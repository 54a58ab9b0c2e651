// What owners do with their images, and admins with all: readers, owners, claims, pins (I33, I34).
#include "api/api.hpp"
#include "api/pull_body.hpp"
#include "api/records.hpp"

#include "auth/accounts.hpp"
#include "catalog/ownership.hpp"
#include "pull/platforms.hpp"
#include "pull/source.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace shifter::api {
namespace {

catalog::ImageKey key_of(const Call & call) {
    const ImageRequest request = named_image(call);
    if (request.type == ImageType::id)
        throw Refusal{400, "an image is shared and removed by a tag, not by its identifier"};
    return key_on_platform(call, request.type, pull::canonical_tag(request.type, request.tag));
}

void note(Call & call, const catalog::ImageKey & key) {
    call.audit =
        field("image", std::string{to_string(key.type)} + ":" + pull::name_of(key.tag)) + audit_of_caller(call);
}

/** What the caller may not see does not exist for him, and no other answer says more (I33). */
catalog::Image visible_image(catalog::Catalog & catalog, const Call & call, const catalog::ImageKey & key) {
    auto image = catalog.find(key);
    if (!image || !(call.is_admin || image->may_see_tag(call.caller.identity, key.tag))) throw no_such_image();
    return *std::move(image);
}

/** Whose grant the caller may change: his own; an admin that of the last who pulled. */
uid_t owner_for(const Call & call, const catalog::Image & image) {
    const uid_t caller = call.caller.identity.uid;
    if (image.is_owned_by(caller)) return caller;
    if (!call.is_admin)
        throw Refusal{403, "you may use this image, but only its owner or an admin decides who else may"};
    if (image.is_owned_by(image.puller)) return image.puller;
    if (image.grants.empty()) throw Refusal{409, "the image has no owner"};
    return image.grants.front().owner;
}

Acl readers_in(const Call & call) {
    auto readers = parse_pull_body(call.request.body);
    if (!readers) throw Refusal{400, "cannot read the body of the request: " + readers.error().what};
    return *std::move(readers);
}

void refuse_public(const catalog::Image & image) {
    if (!image.is_private) throw Refusal{409, "the image is public: everybody may use it"};
}

} // namespace

Response Api::share_image(Call & call) {
    const catalog::ImageKey key = key_of(call);
    note(call, key);
    const catalog::Image image = visible_image(parts_.catalog, call, key);
    const Acl readers = readers_in(call);
    if (readers.is_public()) throw Refusal{400, "name the users or groups who shall use the image"};
    refuse_public(image);
    const uid_t owner = owner_for(call, image);
    catalog::Ownership ownership{parts_.catalog, call.system->storage, !parts_.settings.suppress_acl_in_meta};
    call.audit += field("id", image.id.to_string()) + field("users", format_id_list(readers.users)) +
                  field("groups", format_id_list(readers.groups));
    return {.body = image_record(ownership.share(image, owner, readers, parts_.now()))};
}

Response Api::unshare_image(Call & call) {
    const catalog::ImageKey key = key_of(call);
    note(call, key);
    const catalog::Image image = visible_image(parts_.catalog, call, key);
    const Acl readers = readers_in(call);
    refuse_public(image);
    const uid_t owner = owner_for(call, image);
    catalog::Ownership ownership{parts_.catalog, call.system->storage, !parts_.settings.suppress_acl_in_meta};
    call.audit += field("id", image.id.to_string());
    return {.body = image_record(ownership.unshare(image, owner, readers, parts_.now()))};
}

Response Api::hand_over_image(Call & call) {
    const catalog::ImageKey key = key_of(call);
    note(call, key);
    const catalog::Image image = visible_image(parts_.catalog, call, key);
    const auto body = nlohmann::json::parse(call.request.body, nullptr, false);
    if (!body.is_object() || !body.contains("owner") || !body["owner"].is_number_unsigned())
        throw Refusal{400, "cannot read the body of the request: it is not {\"owner\":uid}"};
    const auto number = body["owner"].get<std::uint64_t>();
    const auto account =
        number != 0 && number < static_cast<uid_t>(-1) ? auth::find_account(static_cast<uid_t>(number)) : std::nullopt;
    if (!account) throw Refusal{400, "the gateway knows no account with uid " + std::to_string(number)};
    uid_t from = call.caller.identity.uid;
    if (image.is_private) {
        from = owner_for(call, image);
    } else if (parts_.catalog.claimed_tags(key.system, image.id, from).empty()) {
        if (!call.is_admin)
            throw Refusal{403, "you have not pulled this image, so there is nothing of yours to hand over"};
        from = image.puller;
    }
    catalog::Ownership ownership{parts_.catalog, call.system->storage, !parts_.settings.suppress_acl_in_meta};
    const catalog::Time now = parts_.now();
    const catalog::Claim to{account->identity.uid, account->identity.gid, now};
    call.audit +=
        field("id", image.id.to_string()) + field("from", std::to_string(from)) + field("to", std::to_string(to.uid));
    return {.body = image_record(ownership.hand_over(image, from, to, now))};
}

Response Api::remove_tag(Call & call) {
    const catalog::ImageKey key = key_of(call);
    note(call, key);
    const catalog::Image image = visible_image(parts_.catalog, call, key);
    const uid_t caller = call.caller.identity.uid;
    const auto claims = parts_.catalog.claims(key);
    const auto is_his = [&](const catalog::Claim & claim) { return claim.uid == caller; };
    if (std::none_of(claims.begin(), claims.end(), is_his))
        throw Refusal{403, call.is_admin
                               ? "you have not pulled this image; as an admin, take the tag away with expire"
                               : "you have not pulled this image: it is for those who have, or an admin, to remove"};
    using Left = catalog::Ownership::Left;
    Left left = claims.size() > 1 ? Left::tag : image.tags.size() > 1 ? Left::image : Left::nothing;
    if (!query_value(call.request.target, "dry_run")) {
        catalog::Ownership ownership{parts_.catalog, call.system->storage, !parts_.settings.suppress_acl_in_meta};
        left = ownership.give_up(key, image, caller, parts_.now());
        if (left == Left::nothing) {
            catalog::Housekeeping housekeeping{parts_.catalog, key.system, call.system->storage,
                                               housekeeping_rules(*call.system)};
            (void)housekeeping.retire(image.id, parts_.now());
        }
        call.audit += field("id", image.id.to_string());
    }
    switch (left) {
    case Left::tag:
        return {.body = R"({"status":true,"left":"tag"})"};
    case Left::image:
        return {.body = R"({"status":true,"left":"image"})"};
    case Left::nothing:
        break;
    }
    return {.body = R"({"status":true,"left":"nothing"})"};
}

Response Api::pin_image(Call & call) {
    const catalog::ImageKey key = key_of(call);
    note(call, key);
    const auto image = parts_.catalog.find(key);
    if (!image) return {.body = R"({"status":null})"};
    parts_.catalog.set_pinned(key.system, image->id, true);
    return {.body = R"({"status":true})"};
}

Response Api::unpin_image(Call & call) {
    const catalog::ImageKey key = key_of(call);
    note(call, key);
    const auto image = parts_.catalog.find(key);
    if (!image) return {.body = R"({"status":null})"};
    parts_.catalog.set_pinned(key.system, image->id, false);
    return {.body = R"({"status":true})"};
}

Response Api::list_own_images(Call & call) {
    const uid_t caller = call.caller.identity.uid;
    std::map<std::string, catalog::Image> images; // by id: one record for all of his tags
    for (const catalog::ImageKey & key : parts_.catalog.claimed_by(call.system->name, caller)) {
        const auto image = parts_.catalog.find_readable(key, call.caller.identity);
        if (!image) continue;
        const std::string id = image->id.to_string();
        const auto [place, is_new] = images.try_emplace(id, *image);
        if (is_new) place->second.tags.clear();
        place->second.tags.push_back(key.tag);
    }
    RecordList list;
    catalog::Usage usage;
    for (auto & [id, image] : images) {
        ++usage.images; // a quota counts what is there for any machine
        usage.bytes += image.size_bytes;
        if (keep_tags_of_platform(*call.system, call.platform, image)) list.add(image_record(image));
    }
    std::string body = std::move(list).finish();
    body.pop_back();
    return {.body = body + ",\"usage\":{\"images\":" + std::to_string(usage.images) +
                    ",\"bytes\":" + std::to_string(usage.bytes) + "}}"};
}

} // namespace shifter::api
