// What is on its way: pulls and the queue.
#include "api/api.hpp"
#include "api/pull_body.hpp"
#include "api/records.hpp"

#include "pull/pull_queue.hpp"
#include "pull/source.hpp"

namespace shifter::api {

Response Api::pull_image(Call & call) {
    const ImageRequest request = named_image(call);
    const std::string tag = pull::canonical_tag(request.type, request.tag);
    const auto readers = parse_pull_body(call.request.body);
    if (!readers) throw Refusal{400, "cannot read the body of the request: " + readers.error().what};
    if (request.type != ImageType::docker)
        throw Refusal{400, "only images of type docker can be pulled, not " + quoted(request.to_string())};
    call.audit = field("image", request.to_string()) + audit_of_caller(call);
    try {
        (void)pull::resolve_source(parts_.settings, tag);
    } catch (const Error & error) {
        throw Refusal{400, error.what()};
    }
    const catalog::Enqueued answer = parts_.submit(key_on_platform(call, request.type, tag), call.caller, *readers);
    if (const auto * image = std::get_if<catalog::Image>(&answer.what)) {
        if (!image->may_read(call.caller.identity)) throw no_such_image();
        call.audit += field("id", image->id.to_string()) + field("digest", image->manifest_digest);
        call.outcome = "given";
        catalog::Image shown = *image;
        (void)keep_tags_of_platform(*call.system, call.platform, shown);
        return {.body = image_record(shown)};
    }
    catalog::Pull pull = std::get<catalog::Pull>(answer.what);
    // Who else may read is between the first requester and the gateway.
    if (pull.requester != call.caller.identity.uid) pull.requested_acl = {};
    call.outcome = "begun";
    // Polls of old clients would fill the log: only what is new is news.
    if (answer.is_new)
        call.audit += field("pull", std::to_string(pull.number));
    else
        call.audit.clear();
    return {.body = pull_record(pull, shown_platform(*call.system, pull.key.tag))};
}

Response Api::list_queue(Call & call) {
    RecordList list;
    for (const catalog::Pull & pull : parts_.catalog.queue(call.system->name))
        if (call.is_admin || pull.may_see(call.caller.identity.uid))
            list.add(queue_record(pull, shown_platform(*call.system, pull.key.tag)));
    return {.body = std::move(list).finish()};
}

} // namespace shifter::api
