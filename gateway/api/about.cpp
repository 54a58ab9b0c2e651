// The service itself: what it offers, whether it is well.
#include "api/api.hpp"
#include "api/schema.hpp"

#include "base/installed_paths.hpp"
#include "base/log.hpp"

#include <unistd.h>

namespace shifter::api {

Response Api::describe(Call & /*call*/) {
    std::string text = std::string{"shifter-gateway "} + installed::version +
                       ": pulls container images from registries and publishes them for compute nodes.\n"
                       "People: shifterimg(1), and /ui for what happens now. Programs: /api/schema.\n\n";
    for (const Route & route : routes()) {
        text += route.method == Method::post ? "POST " : "GET  ";
        text += route.pattern;
        text += "\n     ";
        text += route.summary;
        text += '\n';
    }
    return {.body = std::move(text), .content_type = text_type};
}

Response Api::show_schema(Call & /*call*/) {
    static const std::string document = openapi_document(routes()); // the table does not change
    return {.body = document};
}

Response Api::report_status(Call & /*call*/) { return {.body = "{\"status\":\"up\"}"}; }

Response Api::report_health(Call & /*call*/) { return {.body = "{\"status\":\"ok\"}"}; }

Response Api::report_readiness(Call & /*call*/) {
    const std::string trouble = readiness_.get(parts_.shared_answer_age, [&]() -> std::string {
        for (const auto & [name, system] : parts_.settings.systems) {
            try {
                (void)parts_.catalog.queue(name);
            } catch (const Error & error) {
                // The reason names files of ours: it is for the log, not for anybody who asks.
                log::error(std::string{"event=trouble "} + error.what());
                return "the catalog does not answer";
            }
            if (::access(system.storage.directory.c_str(), W_OK | X_OK) != 0)
                return "the image directory of system " + name + " cannot be written";
        }
        return {};
    });
    if (!trouble.empty()) throw Refusal{503, trouble};
    return {.body = "{\"status\":\"ready\"}"};
}

} // namespace shifter::api
