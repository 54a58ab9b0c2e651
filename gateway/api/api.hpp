/**
 * @file
 * The REST interface of contract 7.3: a table of routes, and one function from Request to Response. It knows nothing of
 * sockets (server.hpp does), so tests call it as it is.
 */
#pragma once

#include "api/cached.hpp"
#include "api/failure.hpp"
#include "api/http.hpp"
#include "api/metrics.hpp"
#include "api/record_texts.hpp"
#include "api/router.hpp"
#include "api/static_files.hpp"
#include "api/storage_watch.hpp"
#include "auth/credential.hpp"
#include "catalog/catalog.hpp"
#include "catalog/log_field.hpp"
#include "catalog/housekeeping.hpp"
#include "pull/gateway_settings.hpp"
#include "pull/upload_store.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <span>

namespace shifter::api {

/**
 * Who may call a route. The dispatcher asks; a handler cannot forget.
 *
 * open: anybody. caller: whoever MUNGE vouches for (I32). reader: the same, or anybody where the site allows anonymous
 * reading of public images. admin: a caller who is on the system's list; others get the route's `not_admin` answer.
 */
enum class Access { open, reader, caller, admin };

class Api;

/** One request on its way to a handler. */
struct Call {
    const Request & request;
    const Parameters & parameters;
    const pull::System * system = nullptr; ///< set on every route with {system}
    /** Which of the system's platforms the request means; nothing: every one (lists alone). See platforms.cpp. */
    std::optional<Platform> platform = {};
    auth::Caller caller;                   ///< of no account (uid and gid -1) on open routes and for anonymous readers
    bool is_admin = false;
    std::string audit;             ///< fields that the handler adds to the request's log line: " key=value"
    std::string_view outcome = {}; ///< a word for the same line, where the status does not say it; a literal
};

struct Route {
    Method method;
    std::string_view pattern;
    Access access;
    Response (Api::*handler)(Call & call);
    /** Body, with status 200, for a caller who is no admin (contract 7.3). */
    const char * not_admin;
    /** One sentence for docs/reference/rest-api.md, and for GET /. */
    std::string_view summary;
    /** What GET /api/schema says of the route, by names of its components (schema.cpp); empty answer: any JSON. */
    std::string_view answer = {};
    std::string_view query = {}; ///< names of query parameters, with commas between
    std::string_view body = {};
};

class Api {
public:
    using Submit = std::function<catalog::Enqueued(const catalog::ImageKey & key, const auth::Caller & caller,
                                                   const Acl & requested_acl)>;

    /** What the routes stand on. References outlive the Api; everything in it may be called from several threads. */
    struct Parts {
        const pull::GatewaySettings & settings;
        catalog::Catalog & catalog;
        Submit submit;
        std::map<std::string, std::unique_ptr<auth::Authenticator>> authenticators; ///< by system
        std::function<catalog::Time()> now;
        bool anonymous_read = false; ///< H7-1's compatibility switch
        bool status_page = true;     ///< whether /ui and /api/summary are there
        std::string ui_directory = {};
        std::function<StorageUses()> storage = {};
        /** For so long an answer that anybody may ask for is given again, instead of being made anew. */
        std::chrono::milliseconds shared_answer_age{1000};
        /** Whether an image's file is there and whole (R1). Without it rows are believed. */
        std::function<bool(const pull::System & system, const ImageId & id)> is_whole = {};
        /** Shows the caller's login for a location to its registry: whether that wanted one. @throws RegistryError */
        std::function<bool(const std::string & location, const auth::Caller & caller)> check_login = {};
        /** What users send; without it they cannot. */
        pull::UploadStore * uploads = nullptr;
        std::size_t piece_bytes = 256U << 10U; ///< what the server takes as one body
        std::function<catalog::Enqueued(const catalog::ImageKey & key, const auth::Caller & caller, const Acl & readers,
                                        std::shared_ptr<const pull::SharedFile> file)>
            submit_archive = {};
        /** `is_copied`: false for a file that its owner can still change. */
        std::function<catalog::Enqueued(const catalog::ImageKey & key, const auth::Caller & caller, const Acl & readers,
                                        std::shared_ptr<const pull::SharedFile> file, bool is_copied)>
            submit_squashfs = {};
    };

    explicit Api(Parts parts) : parts_{std::move(parts)}, ui_files_{parts_.ui_directory} {}

    /** Never throws: what goes wrong becomes a response in the form of contract 7.2, and a line in the log. */
    [[nodiscard]] Response handle(const Request & request) noexcept;

    [[nodiscard]] static std::span<const Route> routes();

private:
    friend struct RouteTable;
    /** What the log says of a request, as far as it was understood. */
    struct Understood {
        const Route * route = nullptr;
        std::string audit;
        std::string_view outcome = {};
    };
    [[nodiscard]] Response dispatch(const Request & request, Understood & understood);
    void authenticate(const Route & route, Call & call);

    // about.cpp: the service itself
    Response describe(Call & call);
    Response report_status(Call & call);
    Response report_health(Call & call);
    Response report_readiness(Call & call);
    Response show_schema(Call & call);
    // metrics.cpp
    Response report_metrics(Call & call);
    void write_storage(MetricsText & text);
    // summary.cpp: the status page
    Response report_summary(Call & call);
    [[nodiscard]] std::string make_summary();
    Response show_page(Call & call);
    Response show_page_file(Call & call);
    // images.cpp: what is published
    Response list_images(Call & call);
    Response look_up(Call & call);
    [[nodiscard]] catalog::SharedImage find_usable(const Call & call, const ImageRequest & request);
    /** What a name is on each of the system's platforms, where it is one. */
    using OnPlatforms = std::vector<std::pair<Platform, catalog::SharedImage>>;
    [[nodiscard]] OnPlatforms find_on_platforms(const Call & call, const ImageRequest & request);
    void prolong(const catalog::Image & image, catalog::Time now);
    Response expire(Call & call);
    Response expire_overdue(Call & call);
    Response list_metrics(Call & call);
    // pulls.cpp: what is on its way
    Response pull_image(Call & call);
    Response list_queue(Call & call);

    // sharing.cpp: what owners and admins do with their images
    Response share_image(Call & call);
    Response unshare_image(Call & call);
    Response hand_over_image(Call & call);
    Response remove_tag(Call & call);
    Response pin_image(Call & call);
    Response unpin_image(Call & call);
    Response list_own_images(Call & call);

    // uploads.cpp: images that users send
    Response begin_upload(Call & call);
    Response add_to_upload(Call & call);
    Response load_image(Call & call);
    Response import_image(Call & call);
    Response publish_brought(Call & call, const catalog::Enqueued & answer);
    Response report_pull(Call & call);
    // logins.cpp
    Response check_login(Call & call);

    [[nodiscard]] catalog::HousekeepingRules housekeeping_rules(const pull::System & system) const;

    Parts parts_;
    StaticFiles ui_files_;
    RequestCounts request_counts_;
    CachedText metrics_text_;
    CachedText readiness_;
    CachedText summary_;
    RecordTexts record_texts_;
    std::atomic<unsigned> logins_being_checked_ = 0;
};

// platforms.cpp: of several platforms of a system, the one that a request means

/** The query's `platform`, else that of the machine in the header `Shifter-Machine` where the system has it, else the
 * system's first. @throws Refusal 400 for one that the system does not have */
[[nodiscard]] std::optional<Platform> wanted_platform(const Call & call);
/** What the catalog calls a name that is canonical, on the platform of the call. @throws Refusal 400 where it means all
 */
[[nodiscard]] catalog::ImageKey key_on_platform(const Call & call, ImageType type, const std::string & name);
[[nodiscard]] bool has_only_tags_of_platform(const pull::System & system, const std::optional<Platform> & platform,
                                             const catalog::Image & image);
/** Takes the tags of other platforms from an image; false when none is left. */
bool keep_tags_of_platform(const pull::System & system, const std::optional<Platform> & platform,
                           catalog::Image & image);
/** The platform of a stored tag, for records: empty where the system has but one. */
[[nodiscard]] std::string shown_platform(const pull::System & system, std::string_view stored);
/** @param there  platforms on which the caller may use the image that is not there on his */
[[nodiscard]] Refusal no_such_image_here(const Call & call, const ImageRequest & request,
                                         const std::vector<Platform> & there);

/** The image that a path names. @throws Refusal 400 for what can be no image name (I16) */
[[nodiscard]] ImageRequest named_image(const Call & call);

/** The first word of its path: "lookup" of /api/lookup/…, "index" of /. Logs and the schema call a route by it. */
[[nodiscard]] std::string route_name(const Route & route);

/** " system=… caller=… uid=…": how each audit line says who asked. */
[[nodiscard]] std::string audit_of_caller(const Call & call);

using log::field;

} // namespace shifter::api
