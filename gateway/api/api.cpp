#include "api/api.hpp"

#include "base/log.hpp"
#include "pull/platforms.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace shifter::api {

/** In one place, so that the table may name private handlers. */
struct RouteTable {
    static constexpr std::array routes = {
        Route{Method::get, "/", Access::open, &Api::describe, nullptr, "Plain text: the routes of this service.",
              "text"},
        Route{Method::get, "/api/status", Access::open, &Api::report_status, nullptr, "`{\"status\":\"up\"}`.",
              "Status"},
        Route{Method::get, "/api/schema", Access::open, &Api::show_schema, nullptr,
              "This table as an OpenAPI 3 document."},
        Route{Method::get, "/api/summary", Access::open, &Api::report_summary, nullptr,
              "What the status page shows: public images, pulls and storage; 404 without `StatusPage`.", "Summary"},
        Route{Method::get, "/healthz", Access::open, &Api::report_health, nullptr,
              "200 while the process serves requests.", "Status"},
        Route{Method::get, "/readyz", Access::open, &Api::report_readiness, nullptr,
              "200 when the catalog answers and every image directory can be written; else 503.", "Status"},
        Route{Method::get, "/metrics", Access::open, &Api::report_metrics, nullptr,
              "The service in numbers, in the text format of Prometheus.", "text"},
        Route{Method::get, "/ui", Access::open, &Api::show_page, nullptr,
              "The status page, for people; 404 without `StatusPage`.", "page"},
        Route{Method::get, "/ui/{file}", Access::open, &Api::show_page_file, nullptr, "Its files.", "file"},
        Route{Method::get, "/api/list/{system}", Access::reader, &Api::list_images, nullptr,
              "`{\"list\":[record,…]}`: the READY images that the caller may read. With `?limit=` a page of so many, "
              "in the order of identifiers; `next` is then the `?after=` of the following page. Without `limit`, "
              "all of them, in chunks when there are more than 500. `?layers=1`: with `layers`.",
              "RecordList", "limit,after,layers,platform"},
        Route{Method::get, "/api/lookup/{system}/{type}/{tag...}", Access::reader, &Api::look_up, nullptr,
              "The record of a READY image, or 404. `REPOSITORY@sha256:…` also finds what was pulled by a tag of that "
              "repository and has this manifest, or named this index. `?layers=1`: with `layers`.",
              "Record", "layers,platform,platforms"},
        Route{Method::post, "/api/pull/{system}/{type}/{tag...}", Access::caller, &Api::pull_image, nullptr,
              "The record of the image, or of the pull that is on its way to it. Clients repeat the request until it "
              "ends.",
              "Record", "platform", "Readers"},
        Route{Method::post, "/api/doimport/{system}/{type}/{tag...}", Access::caller, &Api::import_image, nullptr,
              "Publishes a squashfs file of the caller's, when he is one of `ImportUsers`: what was sent "
              "(`{\"upload\":…,\"bytes\":…,\"format\":\"squashfs\"}`), or a file of his on the gateway's host "
              "(`{\"filepath\":…,\"format\":\"squashfs\"}`); readers as for a pull. The record of a pull.",
              "", "platform"},
        Route{
            Method::get, "/api/expire/{system}/{type}/{tag...}", Access::admin, &Api::expire, "{\"status\":false}",
            "Takes the tag away, and removes the image with its last tag: `{\"status\":true}`; `null`: no such image; "
            "`false`: not an admin.",
            "Verdict", "dry_run,platform"},
        Route{Method::get, "/api/autoexpire/{system}", Access::admin, &Api::expire_overdue, "{\"status\":false}",
              "Removes the images whose time is over: `{\"status\":[\"<id>\",…]}`; `false`: not an admin.", "Removed",
              "dry_run"},
        Route{Method::get, "/api/mine/{system}", Access::caller, &Api::list_own_images, nullptr,
              "`{\"list\":[record,…]}`: the images that the caller has pulled or brought, with his tags of them, and "
              "`\"usage\":{\"images\":…,\"bytes\":…}`.",
              "", "platform"},
        Route{Method::post, "/api/share/{system}/{type}/{tag...}", Access::caller, &Api::share_image, nullptr,
              "Lets more people read a private image of the caller's: its record. 403 for who does not own it.", "",
              "platform"},
        Route{Method::post, "/api/unshare/{system}/{type}/{tag...}", Access::caller, &Api::unshare_image, nullptr,
              "Puts readers out again, all of them when the body names none: its record.", "", "platform"},
        Route{Method::post, "/api/chown/{system}/{type}/{tag...}", Access::caller, &Api::hand_over_image, nullptr,
              "Makes somebody else the owner of what the caller holds of an image (`{\"owner\":1002}`): its record.",
              "", "platform"},
        Route{Method::post, "/api/remove/{system}/{type}/{tag...}", Access::caller, &Api::remove_tag, nullptr,
              "The caller wants the tag no more: `{\"status\":true,\"left\":\"tag\"|\"image\"|\"nothing\"}`. The tag "
              "goes with "
              "the last who wants it, the image with its last tag. `?dry_run=1`: only says so.",
              "", "dry_run,platform"},
        Route{Method::post, "/api/pin/{system}/{type}/{tag...}", Access::admin, &Api::pin_image, "{\"status\":false}",
              "The image does not expire any more: `{\"status\":true}`; `null`: no such image; `false`: not an admin.",
              "", "platform"},
        Route{Method::post, "/api/unpin/{system}/{type}/{tag...}", Access::admin, &Api::unpin_image,
              "{\"status\":false}", "The image expires again, as others do.", "", "platform"},
        Route{Method::post, "/api/upload/{system}", Access::caller, &Api::begin_upload, nullptr,
              "Begins to send an image archive: `{\"upload\":\"…\",\"piece_bytes\":…}`."},
        Route{Method::post, "/api/upload/{system}/{upload}/{offset}", Access::caller, &Api::add_to_upload, nullptr,
              "The next piece, of at most `piece_bytes`, as the body: `{\"bytes\":…}`, what has arrived. 409 when it "
              "does not "
              "begin where the last one ended."},
        Route{Method::post, "/api/load/{system}/{type}/{tag...}", Access::caller, &Api::load_image, nullptr,
              "Publishes what was sent (`{\"upload\":…,\"bytes\":…}`, and readers as for a pull) as an image of type "
              "custom: the "
              "record of a pull.",
              "", "platform"},
        Route{Method::get, "/api/progress/{system}/{pull}", Access::caller, &Api::report_pull, nullptr,
              "The record of one's own pull or load, by its number."},
        Route{Method::post, "/api/login/{system}/{location}", Access::caller, &Api::check_login, nullptr,
              "Shows the login in the credential to that registry: `{\"status\":\"accepted\"}`, `\"not needed\"` (it "
              "lets "
              "everybody in, and says nothing about logins); 403: it is refused."},
        Route{Method::get, "/api/queue/{system}", Access::caller, &Api::list_queue, nullptr,
              "`{\"list\":[{\"status\":…,\"image\":…},…]}`: the pulls on their way that the caller may know of.",
              "Queue"},
        Route{
            Method::get, "/api/metrics/{system}", Access::admin, &Api::list_metrics, "[]",
            "The latest lookups (`?limit=`, default 10, at most 10000); `[]` when not an admin, or without `Metrics`.",
            "Lookups", "limit"},
    };
};

std::span<const Route> Api::routes() { return RouteTable::routes; }

ImageRequest named_image(const Call & call) {
    auto image = ImageRequest::from_parts(call.parameters.at("type"), call.parameters.at("tag"));
    if (!image) throw Refusal{400, "cannot use " + quoted(call.parameters.at("tag")) + ": " + image.error().what};
    if (image->type == ImageType::local)
        throw Refusal{400, "an image of type local is a directory of the node; the gateway has none"};
    return *std::move(image);
}

std::string route_name(const Route & route) {
    std::string_view pattern = route.pattern;
    for (const std::string_view prefix : {"/api/", "/"})
        if (pattern.substr(0, prefix.size()) == prefix) {
            pattern.remove_prefix(prefix.size());
            break;
        }
    pattern = pattern.substr(0, pattern.find('/'));
    return pattern.empty() ? "index" : std::string{pattern};
}

std::string audit_of_caller(const Call & call) {
    const bool says_platform = call.platform && pull::has_several_platforms(*call.system);
    return field("system", call.system->name) + (says_platform ? field("platform", call.platform->to_string()) : "") +
           field("caller", call.caller.name) +
           field("uid", std::to_string(static_cast<std::int64_t>(call.caller.identity.uid)));
}

namespace {

/** What became of a request, in the words of an audit line. */
std::string_view outcome_of(int status) noexcept {
    switch (status) {
    case 200:
        return "done";
    case 401:
        return "unauthenticated";
    case 403:
        return "refused";
    case 404:
        return "absent";
    default:
        return status >= 500 ? "failed" : "misunderstood";
    }
}

} // namespace

Response Api::handle(const Request & request) noexcept {
    const auto begin = std::chrono::steady_clock::now();
    const std::string_view path = std::string_view{request.target}.substr(0, request.target.find('?'));
    Understood understood;
    Response response;
    std::string reason;
    try {
        response = dispatch(request, understood);
    } catch (const std::exception & error) {
        reason = error.what();
        const int status = status_of(error);
        // What broke inside is for the log; a caller who can do nothing about it need not read paths of ours.
        std::string sentence = reason;
        if (status == 500) sentence = "the gateway failed; its log has the reason under request " + request.id;
        // A refusal says all there is; other trouble has more lines in the log.
        if (status > 500 && dynamic_cast<const Refusal *>(&error) == nullptr)
            sentence += " (request " + request.id + ")";
        response = failure(status, sentence, path);
        if (status == 401) response.headers.emplace_back("WWW-Authenticate", "MUNGE");
    }
    request_counts_.add(understood.route == nullptr ? std::string_view{} : understood.route->pattern, response.status);
    const bool is_audited = !understood.audit.empty() || response.status == 401;
    const auto level = response.status >= 500 ? log::Level::error : is_audited ? log::Level::info : log::Level::debug;
    if (log::enabled(level)) {
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
        std::array<char, 32> milliseconds{};
        (void)std::snprintf(milliseconds.data(), milliseconds.size(), "%.1f", took.count());
        std::string line = "request=" + request.id + " event=" + (is_audited ? "audit" : "request");
        if (understood.route != nullptr) line += field("route", route_name(*understood.route));
        line += field("peer", request.peer);
        line += understood.audit.empty() ? field("path", path.substr(0, 300)) : understood.audit;
        line += field("status", std::to_string(response.status)) +
                field("outcome", understood.outcome.empty() ? outcome_of(response.status) : understood.outcome) +
                field("ms", milliseconds.data());
        if (!reason.empty()) line += field("reason", reason);
        log::write(level, line);
    }
    return response;
}

Response Api::dispatch(const Request & request, Understood & understood) {
    bool other_method = false;
    for (const Route & route : routes()) {
        auto matched = match_path(route.pattern, request.target);
        if (!matched) continue;
        if (route.method != request.method) {
            other_method = true;
            continue;
        }
        understood.route = &route;
        if (!*matched) throw Refusal{400, "cannot read the path: " + matched->error().what};
        const Parameters parameters = *std::move(*matched);
        Call call{.request = request, .parameters = parameters, .caller = {}, .audit = {}};
        authenticate(route, call);
        if (route.access == Access::admin && !call.is_admin) {
            understood.audit = audit_of_caller(call);
            understood.outcome = "refused";
            return Response{.body = route.not_admin};
        }
        try {
            Response response = (this->*route.handler)(call);
            understood.audit = std::move(call.audit);
            understood.outcome = call.outcome;
            return response;
        } catch (...) {
            understood.audit = std::move(call.audit);
            throw;
        }
    }
    if (other_method) throw Refusal{405, "this path does not take that method"};
    throw Refusal{404, "there is no such route; GET / lists them"};
}

void Api::authenticate(const Route & route, Call & call) {
    if (route.access == Access::open) return;
    const auto header = call.request.header("authentication");
    const bool anonymous = !header && route.access == Access::reader && parts_.anonymous_read;
    if (!header && !anonymous)
        throw Refusal{401, "the request has no MUNGE credential (one header \"authentication\")"};

    const auto system = parts_.settings.systems.find(call.parameters.at("system"));
    if (system == parts_.settings.systems.end())
        throw Refusal{404, "this gateway does not serve a system " + quoted(call.parameters.at("system"))};
    call.system = &system->second;
    if (anonymous) {
        call.caller.name = "anonymous";
        call.platform = wanted_platform(call);
        return;
    }
    try {
        call.caller = parts_.authenticators.at(system->first)->authenticate(*header);
    } catch (const auth::Unavailable & error) {
        throw Refusal{503, error.what()};
    } catch (const Error & error) {
        throw Refusal{401, error.what()};
    }
    const auto & admins = system->second.admins;
    call.platform = wanted_platform(call);
    call.is_admin = std::find(admins.begin(), admins.end(), call.caller.name) != admins.end();
}

} // namespace shifter::api
