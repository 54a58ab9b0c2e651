// What is published: list, lookup, expiry, and who asked for what.
#include "api/api.hpp"
#include "api/records.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "catalog/publisher.hpp"
#include "pull/pull_queue.hpp"

#include <algorithm>

namespace shifter::api {
namespace {

/** The image by id, by its name, or (custom only, H7-4) by its name with ":latest"; what the caller may not see is not
 * there. */
std::optional<catalog::Image> find_readable(catalog::Catalog & catalog, const Call & call,
                                            const ImageRequest & request) {
    const std::string & system = call.system->name;
    const Identity & caller = call.caller.identity;
    if (request.type == ImageType::id) {
        const auto id = ImageId::parse(request.tag);
        return id ? catalog.find_readable(system, *id, caller) : std::nullopt;
    }
    auto image = catalog.find_readable({system, request.type, pull::canonical_tag(request.type, request.tag)}, caller);
    if (!image && request.type == ImageType::custom && request.tag.find(':') == std::string::npos)
        image = catalog.find_readable({system, request.type, request.tag + ":latest"}, caller);
    return image;
}

/** Whether somebody is bringing one of the image's tags: the pull counts on the file that it found. */
bool is_being_pulled(catalog::Catalog & catalog, const catalog::Image & image) {
    const auto pulls = catalog.queue(image.system);
    return std::any_of(pulls.begin(), pulls.end(), [&](const catalog::Pull & pull) {
        return std::find(image.tags.begin(), image.tags.end(), pull.key.tag) != image.tags.end();
    });
}

/**
 * The reverse of publishing (R4): first nobody can find it, then the record goes, then the file. An image that is being
 * pulled stays; without a tag it is found by the next autoexpire.
 */
bool remove_image(catalog::Catalog & catalog, const pull::System & system, const catalog::Image & image) {
    if (is_being_pulled(catalog, image)) return false;
    catalog.remove(system.name, image.id);
    catalog::Publisher{system.storage}.remove(image.id);
    log::info("event=removed" + field("system", system.name) + field("id", image.id.to_string()));
    return true;
}

constexpr unsigned most_in_page = 10'000;

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
    return {.owner = !is_anonymous, .layers = query_value(call.request.target, "layers") == "1"};
}

} // namespace

Response Api::list_images(Call & call) {
    const RecordParts wanted = record_parts(call);
    RecordList list;
    // The catalog filters; a row that slipped through would be somebody's private image (I33).
    const auto is_shown = [&](const catalog::Image & image) {
        return image.may_read(call.caller.identity) && !image.tags.empty();
    };
    const auto limit = query_number(call, "limit", 1, most_in_page);
    if (!limit) {
        parts_.catalog.for_each_image(call.system->name, call.caller.identity, [&](const catalog::Image & image) {
            if (is_shown(image)) list.add(image_record(image, wanted));
        });
        return {.body = std::move(list).finish()};
    }
    const std::string after = query_value(call.request.target, "after").value_or("");
    if (!after.empty() && !ImageId::parse(after)) throw Refusal{400, "after is not an identifier: " + quoted(after)};
    std::string last;
    bool is_full = false;
    parts_.catalog.for_each_image_after(call.system->name, after, call.caller.identity,
                                        [&](const catalog::Image & image) {
                                            if (!is_shown(image)) return true;
                                            is_full = list.size() == *limit;
                                            if (is_full) return false;
                                            list.add(image_record(image, wanted));
                                            last = image.id.to_string();
                                            return true;
                                        });
    return {.body = std::move(list).finish(is_full ? last : "")};
}

Response Api::look_up(Call & call) {
    const ImageRequest request = named_image(call);
    call.audit = field("image", request.to_string()) + audit_of_caller(call);
    const auto image = find_readable(parts_.catalog, call, request);
    if (!image) throw no_such_image();
    const catalog::Time now = parts_.now();
    const catalog::Time expiration = now + parts_.settings.image_expiration;
    // A job start is thousands of lookups of one image: all but one in an hour only read.
    if (!image->expiration || expiration - *image->expiration > std::chrono::hours{1})
        parts_.catalog.touch(call.system->name, image->id, expiration);
    if (parts_.settings.metrics)
        parts_.catalog.record_lookup({call.caller.name, call.caller.identity.uid, call.system->name, request.type,
                                      request.tag, image->id.to_string(), now});
    call.audit += field("id", image->id.to_string()) + field("digest", image->manifest_digest);
    call.outcome = "given";
    return {.body = image_record(*image, record_parts(call))};
}

Response Api::expire(Call & call) {
    const ImageRequest request = named_image(call);
    call.audit = field("image", request.to_string()) + audit_of_caller(call);
    const catalog::ImageKey key{call.system->name, request.type, pull::canonical_tag(request.type, request.tag)};
    const auto image = parts_.catalog.find(key);
    if (!image || !parts_.catalog.remove_tag(key)) {
        call.outcome = "absent";
        return {.body = "{\"status\":null}"};
    }
    // H7-22: other tags keep the image.
    if (image->tags.size() <= 1) (void)remove_image(parts_.catalog, *call.system, *image);
    call.audit += field("id", image->id.to_string());
    return {.body = "{\"status\":true}"};
}

Response Api::expire_overdue(Call & call) {
    call.audit = audit_of_caller(call);
    std::vector<std::string> ids;
    for (const catalog::Image & image : parts_.catalog.expired(call.system->name, parts_.now())) {
        if (remove_image(parts_.catalog, *call.system, image)) ids.push_back(image.id.to_string());
    }
    call.audit += field("removed", std::to_string(ids.size()));
    return {.body = status_list(ids)};
}

Response Api::list_metrics(Call & call) {
    const unsigned limit = query_number(call, "limit", 0, 10'000).value_or(10);
    if (!parts_.settings.metrics) return {.body = "[]"};
    return {.body = metrics_list(parts_.catalog.metrics(call.system->name, limit))};
}

} // namespace shifter::api
