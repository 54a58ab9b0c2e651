#include "api/records.hpp"

#include "pull/platforms.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace shifter::api {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char * missing = "MISSING";

/** Seconds since 1970. A double is always written with a fraction, which old clients insist on. */
double seconds(catalog::Time time) { return static_cast<double>(time.time_since_epoch().count()) / 1000.0; }

std::string text_of(const Json & json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

template <class T> Json or_missing(const std::optional<T> & value) { return value ? Json(*value) : Json(missing); }
Json or_missing(const std::string & value) { return value.empty() ? Json(missing) : Json(value); }

Json progress_of(const catalog::Progress & progress) {
    Json layers = Json::array();
    for (const catalog::LayerProgress & layer : progress.layers)
        layers.push_back(
            {{"digest", layer.digest}, {"bytes_done", layer.bytes_done}, {"bytes_total", layer.bytes_total}});
    return {{"bytes_done", progress.bytes_done}, {"bytes_total", progress.bytes_total}, {"layers", std::move(layers)}};
}

} // namespace

std::vector<std::string> names_of_tags(const std::vector<std::string> & stored) {
    std::vector<std::string> names;
    names.reserve(stored.size());
    for (const std::string & each : stored) { // sorted, so that equal names stand side by side
        std::string name = pull::name_of(each);
        if (names.empty() || names.back() != name) names.push_back(std::move(name));
    }
    return names;
}

std::string image_record(const catalog::Image & image, const RecordParts & parts) {
    const Acl acl = image.acl();
    Json json;
    json["id"] = image.id.to_string();
    json["system"] = image.system;
    json["itype"] = to_string(image.type);
    json["tag"] = names_of_tags(image.tags);
    json["status"] = to_string(catalog::State::ready);
    json["userACL"] = acl.users;
    json["groupACL"] = acl.groups;
    json["ENV"] = image.config.env.empty() ? Json(missing) : Json(image.config.env);
    json["ENTRY"] = or_missing(image.config.entrypoint);
    json["WORKDIR"] = or_missing(image.config.workdir);
    json["LABELS"] = missing;
    if (!image.config.labels.empty()) {
        Json labels = Json::object();
        for (const auto & [name, value] : image.config.labels) labels[name] = value;
        json["LABELS"] = std::move(labels);
    }
    json["last_pull"] = seconds(image.last_pull);
    json["status_message"] = image.dropped ? image.dropped->sentence() : "";
    // Ours, beside the contract's.
    json["CMD"] = or_missing(image.config.cmd);
    json["digest"] = or_missing(image.manifest_digest);
    if (!image.indexes.empty()) {
        Json & indexes = json["indexes"] = Json::object();
        for (const catalog::TagIndex & index : image.indexes) indexes[pull::name_of(index.tag)] = index.digest;
    }
    json["reference"] = or_missing(image.reference);
    json["format"] = image.format;
    json["platform"] = or_missing(image.platform);
    for (const auto & [platform, id] : parts.platforms) json["platforms"][platform] = id;
    json["size"] = image.size_bytes;
    json["private"] = image.is_private;
    json["expiration"] = image.expiration ? Json(seconds(*image.expiration)) : Json(nullptr);
    if (parts.owner) json["owner"] = image.puller;
    if (image.dropped)
        json["dropped"] = {{"devices", image.dropped->devices},
                           {"setid_bits", image.dropped->setid_bits},
                           {"xattrs", image.dropped->xattrs}};
    if (parts.layers) {
        Json & layers = json["layers"] = Json::array();
        for (const catalog::LayerInfo & layer : image.layers) {
            layers.push_back({{"digest", layer.blob.to_string()},
                              {"diff_id", layer.diff_id.to_string()},
                              {"size", layer.size_bytes}});
            if (!layer.created_by.empty()) layers.back()["created_by"] = layer.created_by;
        }
    }
    return text_of(json);
}

std::string pull_record(const catalog::Pull & pull, const std::string & platform) {
    Json json;
    json["id"] = pull.image ? Json(pull.image->to_string()) : Json(missing);
    json["system"] = pull.key.system;
    json["itype"] = to_string(pull.key.type);
    json["tag"] = Json::array();
    json["status"] = to_string(pull.state);
    json["userACL"] = pull.requested_acl.users;
    json["groupACL"] = pull.requested_acl.groups;
    for (const char * key : {"ENV", "ENTRY", "WORKDIR", "LABELS"}) json[key] = missing;
    json["last_pull"] = seconds(pull.created);
    json["status_message"] = pull.message;
    // Ours, beside the contract's.
    json["pull"] = pull.number;
    json["pulltag"] = pull::name_of(pull.key.tag);
    if (!platform.empty()) json["platform"] = platform;
    json["progress"] = progress_of(pull.progress);
    return text_of(json);
}

void RecordList::add(const std::string & record) {
    if (size_++ != 0) text_ += ',';
    text_ += record;
}

std::string RecordList::finish(const std::string & next) && {
    text_ += ']';
    if (!next.empty()) text_ += ",\"next\":\"" + next + "\""; // hexadecimal digits
    return std::move(text_) + '}';
}

std::string queue_record(const catalog::Pull & pull, const std::string & platform) {
    Json json{{"status", to_string(pull.state)},
              {"image", pull::name_of(pull.key.tag)},
              {"type", to_string(pull.key.type)},
              {"pull", pull.number},
              {"status_message", pull.message},
              {"created", seconds(pull.created)},
              {"progress", {{"bytes_done", pull.progress.bytes_done}, {"bytes_total", pull.progress.bytes_total}}}};
    if (!platform.empty()) json["platform"] = platform;
    return text_of(json);
}

std::string metrics_list(const std::vector<catalog::MetricsRow> & rows) {
    Json list = Json::array();
    for (const catalog::MetricsRow & row : rows)
        list.push_back({{"user", row.user},
                        {"uid", row.uid},
                        {"system", row.system},
                        {"type", to_string(row.type)},
                        {"tag", row.tag},
                        {"id", row.id},
                        {"time", seconds(row.time)}});
    return text_of(list);
}

std::string status_list(const std::vector<std::string> & ids) { return text_of(Json{{"status", ids}}); }

} // namespace shifter::api
