// What is published: list, lookup, expiry, and who asked for what.
#include "api/api.hpp"
#include "api/records.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "catalog/publisher.hpp"
#include "pull/platforms.hpp"
#include "pull/source.hpp"

#include <algorithm>
#include <memory>

namespace shifter::api {
namespace {

/** The image without its tags on other platforms; nothing when that leaves none. */
catalog::SharedImage on_platform(const Call & call, catalog::SharedImage image) {
    if (!image || has_only_tags_of_platform(*call.system, call.platform, *image)) return image;
    auto own = std::make_shared<catalog::Image>(*image);
    return keep_tags_of_platform(*call.system, call.platform, *own) ? own : nullptr;
}

/** REPOSITORY@DIGEST also means what was pulled by a tag of that repository, when the digest is that of its manifest,
 * which is the image's identifier, or of the index that the tag named. Only the tags that the caller may see count
 * (I33), and those on the platform of the call. */
catalog::SharedImage find_by_digest(catalog::Catalog & catalog, const pull::GatewaySettings & settings,
                                    const Call & call, const std::string & name) {
    const std::string & system = call.system->name;
    const Identity & caller = call.caller.identity;
    const auto parse = [&](const std::string & tag) {
        return ImageReference::parse(tag, settings.default_location, [&](std::string_view text) {
            return settings.locations.count(std::string{text}) > 0;
        });
    };
    const auto wanted = parse(name);
    if (!wanted || !wanted->digest) return nullptr;
    const std::string digest = wanted->digest->to_string();
    const auto is_of_repository = [&](const std::string & tag) {
        const auto reference = parse(pull::name_of(tag));
        return reference && reference->registry == wanted->registry && reference->repository == wanted->repository;
    };
    const auto id = ImageId::parse(wanted->digest->hex());
    auto image = on_platform(call, id ? catalog.find_readable(system, *id, caller) : nullptr);
    if (image && image->manifest_digest == digest &&
        std::any_of(image->tags.begin(), image->tags.end(), is_of_repository))
        return image;
    for (catalog::Image & each : catalog.readable_of_index(system, digest, caller)) {
        image = on_platform(call, std::make_shared<const catalog::Image>(std::move(each)));
        const bool is_meant =
            image && std::any_of(image->indexes.begin(), image->indexes.end(), [&](const auto & index) {
                return index.digest == digest && is_of_repository(index.tag);
            });
        if (is_meant) return image;
    }
    return nullptr;
}

/** The image by id, by its name, or (custom only, H7-4) by its name with ":latest"; what the caller may not see is not
 * there. */
catalog::SharedImage find_readable(catalog::Catalog & catalog, const pull::GatewaySettings & settings,
                                   const Call & call, const ImageRequest & request) {
    const std::string & system = call.system->name;
    const Identity & caller = call.caller.identity;
    if (request.type == ImageType::id) {
        const auto id = ImageId::parse(request.tag);
        return id ? catalog.find_readable(system, *id, caller) : nullptr;
    }
    const auto key = [&](const std::string & name) { return key_on_platform(call, request.type, name); };
    auto image = catalog.find_readable(key(pull::canonical_tag(request.type, request.tag)), caller);
    if (!image && request.type == ImageType::custom && request.tag.find(':') == std::string::npos)
        image = catalog.find_readable(key(request.tag + ":latest"), caller);
    if (!image && request.type == ImageType::docker) image = find_by_digest(catalog, settings, call, request.tag);
    if (image && !pull::is_for_platform(*call.system, *image, *call.platform)) return nullptr;
    return on_platform(call, std::move(image));
}

constexpr unsigned most_in_page = 10'000;
constexpr unsigned streamed_at_once = 500;

/** A number of the query; more than `most` counts as `most`. @throws Refusal 400 for what is none, or too small */
std::optional<unsigned> query_number(const Call & call, std::string_view name, unsigned least, unsigned most) {
    const auto text = query_value(call.request.target, name);
    if (!text) return std::nullopt;
    const auto number = text::parse_unsigned<unsigned>(*text);
    if (!number) throw Refusal{400, std::string{name} + " is not a number: " + quoted(*text)};
    if (*number < least) throw Refusal{400, std::string{name} + " is less than " + std::to_string(least)};
    return std::min(*number, most);
}

RecordParts record_parts(const Call & call) {
    const bool is_anonymous = call.caller.identity.uid == static_cast<uid_t>(-1);
    return {.owner = !is_anonymous, .layers = query_value(call.request.target, "layers") == "1", .platforms = {}};
}

/** Whose list of what. */
struct ListOf {
    const pull::System & system;
    std::optional<Platform> platform; ///< nothing: all of them
    Identity caller;
    RecordParts parts;
};

/** Adds images after the identifier `after`, at most `most`. @return where the next page begins; empty: nowhere */
std::string add_page(catalog::Catalog & catalog, const ListOf & whose, RecordList & list, const std::string & after,
                     unsigned most) {
    unsigned added = 0;
    bool is_full = false;
    std::string last;
    const bool is_chosen = whose.platform && pull::has_several_platforms(whose.system);
    std::optional<catalog::Image> copy; // where tags have to be taken away
    const std::size_t expected = std::size_t{most} + 1; // with the one that says that there is another page
    catalog.for_each_image_after(whose.system.name, after, whose.caller, expected, [&](const catalog::Image & found) {
        // The catalog filters; a row that slipped through would be somebody's private image (I33).
        if (!found.may_read(whose.caller) || found.tags.empty()) return true;
        if (is_chosen && !keep_tags_of_platform(whose.system, whose.platform, copy.emplace(found))) return true;
        const catalog::Image & image = copy ? *copy : found;
        is_full = added == most;
        if (is_full) return false;
        ++added;
        list.add(image_record(image, whose.parts));
        last = image.id.to_string();
        return true;
    });
    return is_full ? last : "";
}

} // namespace

catalog::HousekeepingRules Api::housekeeping_rules(const pull::System & system) const {
    return pull::housekeeping_rules(parts_.settings, system);
}

Response Api::list_images(Call & call) {
    const ListOf whose{*call.system, call.platform, call.caller.identity, record_parts(call)};
    if (const auto limit = query_number(call, "limit", 1, most_in_page)) {
        const std::string after = query_value(call.request.target, "after").value_or("");
        if (!after.empty() && !ImageId::parse(after))
            throw Refusal{400, "after is not an identifier: " + quoted(after)};
        RecordList list;
        const std::string next = add_page(parts_.catalog, whose, list, after, *limit);
        return {.body = std::move(list).finish(next)};
    }
    // As older clients ask: all at once. What is in memory is a page all the same.
    struct Listing {
        RecordList list = {};
        std::string after = {};
        bool has_ended = false;
    };
    const auto listing = std::make_shared<Listing>();
    const auto next = [this, whose, listing]() -> std::string {
        if (listing->has_ended) return {};
        listing->after = add_page(parts_.catalog, whose, listing->list, listing->after, streamed_at_once);
        listing->has_ended = listing->after.empty();
        return listing->has_ended ? std::move(listing->list).finish() : listing->list.take();
    };
    Response response{.body = next()};
    if (!listing->has_ended) response.more = next; // what fits into one page has a length
    return response;
}

/** With its file and record (R1), on the platform of the call. */
catalog::SharedImage Api::find_usable(const Call & call, const ImageRequest & request) {
    auto image = find_readable(parts_.catalog, parts_.settings, call, request);
    if (!image || !parts_.is_whole || parts_.is_whole(*call.system, image->id)) return image;
    log::error("event=damaged" + field("id", image->id.to_string()) + field("system", call.system->name) +
               field("reason", "its file or record is damaged or gone; the next pull repairs it"));
    return nullptr;
}

Api::OnPlatforms Api::find_on_platforms(const Call & call, const ImageRequest & request) {
    OnPlatforms found;
    if (request.type == ImageType::id || !pull::has_several_platforms(*call.system)) return found;
    Call on_one = call;
    for (const Platform & each : pull::platforms_of(*call.system)) {
        on_one.platform = each;
        if (auto image = find_usable(on_one, request)) found.emplace_back(each, std::move(image));
    }
    return found;
}

/** A job start is thousands of lookups of one image: all but one in an hour only read. */
void Api::prolong(const catalog::Image & image, catalog::Time now) {
    const catalog::Time expiration = now + parts_.settings.image_expiration;
    if (!image.expiration || expiration - *image.expiration > std::chrono::hours{1})
        parts_.catalog.touch(image.system, image.id, expiration);
}

Response Api::look_up(Call & call) {
    const ImageRequest request = named_image(call);
    call.audit = field("image", request.to_string()) + audit_of_caller(call);
    RecordParts parts = record_parts(call);
    auto image = find_usable(call, request);
    const bool wants_all = query_value(call.request.target, "platforms") == "1";
    OnPlatforms all;
    if (!image || wants_all) all = find_on_platforms(call, request);
    if (!image && wants_all && !all.empty()) image = all.front().second;
    if (!image) {
        std::vector<Platform> there;
        for (const auto & [platform, each] : all) there.push_back(platform);
        throw no_such_image_here(call, request, there);
    }
    const catalog::Time now = parts_.now();
    prolong(*image, now);
    for (const auto & [platform, each] : all) { // what is given out for jobs that wait stays for them
        prolong(*each, now);
        parts.platforms.emplace_back(platform.to_string(), each->id.to_string());
    }
    if (parts_.settings.metrics)
        parts_.catalog.record_lookup({call.caller.name, call.caller.identity.uid, call.system->name, request.type,
                                      request.tag, image->id.to_string(), now});
    call.audit += field("id", image->id.to_string()) + field("digest", image->manifest_digest);
    call.outcome = "given";
    return {.body = record_texts_.of(image, parts)};
}

Response Api::expire(Call & call) {
    const ImageRequest request = named_image(call);
    call.audit = field("image", request.to_string()) + audit_of_caller(call);
    const auto key = key_on_platform(call, request.type, pull::canonical_tag(request.type, request.tag));
    const auto image = parts_.catalog.find(key);
    if (image && query_value(call.request.target, "dry_run"))
        return {.body = image->tags.size() > 1 ? R"({"status":true,"left":"image"})"
                                               : R"({"status":true,"left":"nothing"})"};
    if (!image || !parts_.catalog.remove_tag(key)) {
        call.outcome = "absent";
        return {.body = "{\"status\":null}"};
    }
    // H7-22: other tags keep the image.
    const catalog::HousekeepingRules rules = housekeeping_rules(*call.system);
    (void)catalog::Housekeeping{parts_.catalog, call.system->name, call.system->storage, rules}.retire(image->id,
                                                                                                       parts_.now());
    call.audit += field("id", image->id.to_string());
    return {.body = "{\"status\":true}"};
}

Response Api::expire_overdue(Call & call) {
    call.audit = audit_of_caller(call);
    catalog::Housekeeping housekeeping{parts_.catalog, call.system->name, call.system->storage,
                                       housekeeping_rules(*call.system)};
    const catalog::Time now = parts_.now();
    std::vector<catalog::Image> images;
    if (query_value(call.request.target, "dry_run")) {
        images = housekeeping.overdue(now);
        for (catalog::Image & image : housekeeping.evictable(now)) images.push_back(std::move(image));
    } else {
        images = housekeeping.expire(now);
    }
    std::vector<std::string> ids;
    ids.reserve(images.size());
    for (const catalog::Image & image : images) ids.push_back(image.id.to_string());
    call.audit += field("removed", std::to_string(ids.size()));
    return {.body = status_list(ids)};
}

Response Api::list_metrics(Call & call) {
    const unsigned limit = query_number(call, "limit", 0, 10'000).value_or(10);
    if (!parts_.settings.metrics) return {.body = "[]"};
    return {.body = metrics_list(parts_.catalog.metrics(call.system->name, limit))};
}

} // namespace shifter::api
