// What is on its way: pulls, the queue, imports.
#include "api/api.hpp"
#include "api/pull_body.hpp"
#include "api/records.hpp"

#include "pull/pull_queue.hpp"

#include <algorithm>

namespace shifter::api {
namespace {

/** Whether a caller may know that this pull exists: its own, or one that can only end in a public image (I33). */
bool may_see(const catalog::Pull & pull, const Call & call) {
    return call.is_admin || pull.requester == call.caller.identity.uid || (!pull.has_credentials && pull.requested_acl.is_public());
}

/** A joined pull without what its first requester alone may read. */
catalog::Pull redacted_for(catalog::Pull pull, const Call & call) {
    if (may_see(pull, call)) return pull;
    pull.requested_acl = {};
    pull.message.clear();
    pull.progress = {};
    pull.image.reset();
    return pull;
}

/** What became of the pull that a client waits for; nothing when it has to ask anew. */
std::optional<std::string> followed(catalog::Catalog & catalog, const catalog::ImageKey & key, std::int64_t number, const Call & call) {
    const auto pull = catalog.find_pull(key);
    if (!pull || pull->number != number || !may_see(*pull, call)) return std::nullopt;
    if (pull->state != catalog::State::ready) return pull_record(*pull);
    const auto image = pull->image ? catalog.find(key.system, *pull->image) : std::nullopt;
    if (!image || !image->may_read(call.caller.identity)) return std::nullopt;
    return image_record(*image);
}

} // namespace

Response Api::pull_image(Call & call) {
    const ImageRequest request = named_image(call);
    const std::string tag = pull::canonical_tag(request.type, request.tag);
    const auto body = parse_pull_body(call.request.body);
    if (!body) throw Refusal{400, "cannot read the body of the request: " + body.error().what};
    if (request.type != ImageType::docker)
        throw Refusal{400, "only images of type docker can be pulled, not " + quoted(request.to_string())};
    const catalog::ImageKey key{call.system->name, request.type, tag};
    if (body->follow) {
        if (auto record = followed(parts_.catalog, key, *body->follow, call)) return {.body = *std::move(record)};
    }
    call.audit = field("pull", request.to_string()) + field("system", key.system) + field("caller", call.caller.name) +
                 field("uid", std::to_string(call.caller.identity.uid));
    try {
        (void)pull::resolve_source(parts_.settings, tag);
    } catch (const Error & error) {
        throw Refusal{400, error.what()};
    }
    const catalog::Enqueued answer = parts_.submit(key.system, request.type, tag, call.caller, body->readers);
    if (const auto * image = std::get_if<catalog::Image>(&answer.what)) {
        if (!image->may_read(call.caller.identity)) throw no_such_image();
        call.audit += field("id", image->id.to_string()) + field("digest", image->manifest_digest);
        return {.body = image_record(*image)};
    }
    const auto & pull = std::get<catalog::Pull>(answer.what);
    // Polls of old clients would fill the log: only what is new is news.
    if (answer.is_new) call.audit += field("number", std::to_string(pull.number));
    else call.audit.clear();
    return {.body = pull_record(redacted_for(pull, call))};
}

Response Api::import_image(Call & call) {
    const pull::GatewaySettings & settings = parts_.settings;
    const auto is_caller = [&](const std::string & name) {
        return name == call.caller.name || name == std::to_string(call.caller.identity.uid);
    };
    const bool may = settings.import_right == pull::ImportRight::everybody ||
                     (settings.import_right == pull::ImportRight::listed &&
                      std::any_of(settings.importers.begin(), settings.importers.end(), is_caller));
    if (!may) throw Refusal{403, "you have no right to import images (ImportUsers in the gateway's configuration)"};
    throw Refusal{501, "this release of the gateway does not import images"};
}

Response Api::list_queue(Call & call) {
    RecordList list;
    for (const catalog::Pull & pull : parts_.catalog.queue(call.system->name))
        if (may_see(pull, call)) list.add(queue_record(pull));
    return {.body = std::move(list).finish()};
}

} // namespace shifter::api
