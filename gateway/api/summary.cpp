// The status page: what everybody may know of the service, and the files that show it.
#include "api/api.hpp"
#include "api/records.hpp"

#include "base/installed_paths.hpp"
#include "pull/platforms.hpp"

#include <nlohmann/json.hpp>

namespace shifter::api {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned most_images = 100;
constexpr unsigned most_ended = 200;
constexpr std::size_t most_failures = 20;

double seconds(catalog::Time time) { return static_cast<double>(time.time_since_epoch().count()) / 1000.0; }

/** Of a public image, what its registry tells everybody as well; nobody's name. */
Json image_line(const catalog::Image & image) {
    return {{"tags", names_of_tags(image.tags)}, {"type", to_string(image.type)},
            {"id", image.id.to_string()},        {"size", image.size_bytes},
            {"platform", image.platform},        {"last_pull", seconds(image.last_pull)}};
}

void add_images(catalog::Catalog & catalog, const std::string & system, Json & to) {
    const catalog::PublicImages images = catalog.public_images(system, most_images);
    to["public_images"] = images.count;
    Json & list = to["images"] = Json::array();
    for (const catalog::Image & image : images.latest) list.push_back(image_line(image));
}

/** I33: a pull has a name here when its registry has shown that everybody may read the image. */
bool is_public(const catalog::Pull & pull) { return pull.access == catalog::Access::open; }

void add_pulls(catalog::Catalog & catalog, const pull::System & of, Json & to) {
    const std::string & system = of.name;
    Json & queue = to["queue"] = Json::array();
    std::size_t unnamed = 0;
    for (const catalog::Pull & pull : catalog.queue(system)) {
        if (is_public(pull))
            queue.push_back(Json::parse(queue_record(pull, shown_platform(of, pull.key.tag))));
        else
            ++unnamed;
    }
    to["unnamed_pulls"] = unnamed;
    Json & failures = to["failures"] = Json::array();
    for (const catalog::Pull & pull : catalog.ended_pulls(system, most_ended)) {
        if (pull.state != catalog::State::failure || !pull.ended) continue;
        Json line{{"pull", pull.number}, {"time", seconds(*pull.ended)}};
        if (is_public(pull)) {
            line["image"] = pull::name_of(pull.key.tag);
            if (const auto platform = shown_platform(of, pull.key.tag); !platform.empty()) line["platform"] = platform;
            line["status_message"] = pull.message;
        }
        failures.push_back(std::move(line));
        if (failures.size() == most_failures) break;
    }
}

} // namespace

std::string Api::make_summary() {
    Json summary{{"version", installed::version}, {"time", seconds(parts_.now())}};
    const StorageUses uses = parts_.storage ? parts_.storage() : StorageUses{};
    Json & systems = summary["systems"] = Json::array();
    for (const auto & [name, settings] : parts_.settings.systems) {
        Json system{{"name", name}};
        add_images(parts_.catalog, name, system);
        add_pulls(parts_.catalog, settings, system);
        if (const auto use = uses.find(name); use != uses.end())
            system["storage"] = {{"images", use->second.images},
                                 {"image_bytes", use->second.image_bytes},
                                 {"free_bytes", use->second.free_bytes},
                                 {"size_bytes", use->second.size_bytes}};
        systems.push_back(std::move(system));
    }
    return summary.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Response Api::report_summary(Call & /*call*/) {
    if (!parts_.status_page) throw Refusal{404, "this gateway has no status page (StatusPage in its configuration)"};
    return {.body = summary_.get(parts_.shared_answer_age, [&] { return make_summary(); })};
}

Response Api::show_page(Call & /*call*/) {
    const Response * page = parts_.status_page ? ui_files_.find("index.html") : nullptr;
    if (page == nullptr) throw Refusal{404, "this gateway has no status page"};
    return *page;
}

Response Api::show_page_file(Call & call) {
    const Response * file = parts_.status_page ? ui_files_.find(call.parameters.at("file")) : nullptr;
    if (file == nullptr) throw Refusal{404, "the status page has no such file"};
    return *file;
}

} // namespace shifter::api
