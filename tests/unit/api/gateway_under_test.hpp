/** @file The API over a real catalog in a folder of its own; credentials are the mock's, pulls are queued and not
 * fetched. */
#pragma once

#include "api/api.hpp"
#include "base/log.hpp"
#include "unit/catalog/samples.hpp"

#include <nlohmann/json.hpp>

namespace shifter::api::testing {

namespace samples = catalog::samples;

/** A mock credential of uid and gid `number`. */
inline std::string credential(const std::string & name, unsigned number) {
    return "good:" + name + ":" + name + "::" + std::to_string(number) + ":" + std::to_string(number);
}
inline const std::string ann = credential("ann", 1001);
inline const std::string bob = credential("bob", 1002);
inline const std::string boss = credential("boss", 9001);

class Gateway {
public:
    explicit Gateway(bool anonymous_read = false)
        : catalog{catalog::open_sqlite_catalog(folder / "catalog.sqlite")}, api{make_parts(anonymous_read)} {
        log::set_sink([this](log::Level, std::string_view line) { lines.emplace_back(line); });
        log::set_level(log::Level::debug);
    }
    ~Gateway() {
        log::set_sink([](log::Level, std::string_view) {});
    }
    Gateway(const Gateway &) = delete;
    Gateway & operator=(const Gateway &) = delete;

    Response get(const std::string & target, const std::string & authentication = ann) {
        return send(Method::get, target, authentication, "");
    }
    Response post(const std::string & target, const std::string & body = "", const std::string & authentication = ann) {
        return send(Method::post, target, authentication, body);
    }
    Response send(Method method, const std::string & target, const std::string & authentication,
                  const std::string & body) {
        Request request{
            .method = method, .target = target, .headers = {}, .body = body, .peer = "127.0.0.1", .id = "request1"};
        if (!authentication.empty()) request.headers.emplace_back("authentication", authentication);
        return api.handle(request);
    }

    /** An image that somebody pulled as `key`, which named an index or not. */
    catalog::Image publish(const catalog::ImageKey & key, char digit, uid_t puller = 1001, bool is_private = false,
                           Acl readers = {}, const std::string & index = {}) {
        auto request = samples::request_by(puller, is_private ? "login" : "", key);
        request.requested_acl = readers;
        (void)catalog->enqueue(request, {}, now);
        std::vector<catalog::Grant> grants;
        if (is_private) grants.push_back({puller, std::move(readers)});
        auto image = samples::image(digit, is_private, std::move(grants));
        if (!index.empty()) image.indexes = {{key.tag, index}};
        (void)samples::finish_next(*catalog, image, now);
        return image;
    }

    samples::Folder folder;
    pull::GatewaySettings settings = make_settings();
    std::unique_ptr<catalog::Catalog> catalog;
    catalog::Time now = samples::noon;
    StorageUses storage;
    std::vector<std::string> lines; ///< of the log
    bool whole = true;              ///< whether the images' files are there
    Api api;

private:
    pull::GatewaySettings make_settings() const {
        pull::GatewaySettings made;
        made.systems["alpha"] = {
            .name = "alpha", .storage = {.directory = folder.path()}, .munge_socket = {}, .admins = {"boss"}};
        made.systems["beta"] = {
            .name = "beta", .storage = {.directory = folder.path()}, .munge_socket = {}, .admins = {}};
        registry::Location hub;
        hub.name = "docker.io";
        hub.url = "https://registry-1.docker.io";
        made.locations["docker.io"] = hub;
        return made;
    }
    Api::Parts make_parts(bool anonymous_read) {
        Api::Parts parts{.settings = settings,
                         .catalog = *catalog,
                         .submit = {},
                         .authenticators = {},
                         .now = [this] { return now; },
                         .anonymous_read = anonymous_read,
                         .ui_directory = SHIFTER_SOURCE_DIR "/gateway/ui",
                         .storage = [this] { return storage; },
                         .shared_answer_age = std::chrono::milliseconds{0},
                         .is_whole = [this](const pull::System &, const ImageId &) { return whole; }};
        parts.submit = [this](const catalog::ImageKey & key, const auth::Caller & caller, const Acl & readers) {
            auto request = samples::request_by(caller.identity.uid, caller.locations.empty() ? "" : "login", key);
            request.requested_acl = readers;
            return catalog->enqueue(request, {}, now);
        };
        for (const char * system : {"alpha", "beta"}) parts.authenticators[system] = auth::mock_authenticator();
        return parts;
    }
};

inline nlohmann::json json_of(const Response & response) { return nlohmann::json::parse(response.body); }

} // namespace shifter::api::testing
