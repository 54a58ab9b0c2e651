#include "client/image_info.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <nlohmann/json.hpp>

namespace shifter::client {
namespace {

using Json = nlohmann::json;

Json parse(const std::string & body) {
    Json json = Json::parse(body, nullptr, false);
    if (!json.is_object())
        throw Error{"the gateway's answer is not what a gateway says: " + shifter::quoted(body.substr(0, 100))};
    return json;
}

/** What came over the network is shown on a terminal: no control characters. */
void read(const Json & json, const char * key, std::string & text) {
    const auto found = json.find(key);
    if (found != json.end() && found->is_string()) text = log::one_line(found->get_ref<const std::string &>());
}

template <class Number> void read_number(const Json & json, const char * key, Number & number) {
    const auto found = json.find(key);
    if (found != json.end() && found->is_number()) number = found->template get<Number>();
}

void read_numbers(const Json & json, const char * key, std::vector<std::uint32_t> & numbers) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_array()) return;
    for (const Json & each : *found)
        if (each.is_number_unsigned()) numbers.push_back(each.get<std::uint32_t>());
}

template <class Number> void read_number(const Json & json, const char * key, std::optional<Number> & number) {
    const auto found = json.find(key);
    if (found != json.end() && found->is_number()) number = found->template get<Number>();
}

void read_texts(const Json & json, const char * key, std::map<std::string, std::string> & texts) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_object()) return;
    for (const auto & [name, text] : found->items())
        if (text.is_string()) texts[log::one_line(name)] = log::one_line(text.get_ref<const std::string &>());
}

std::vector<LayerLine> layers_of(const Json & json, const char * size_key) {
    std::vector<LayerLine> layers;
    const auto found = json.find("layers");
    if (found == json.end() || !found->is_array()) return layers;
    for (const Json & each : *found) {
        if (!each.is_object()) continue;
        LayerLine & layer = layers.emplace_back();
        read(each, "digest", layer.digest);
        read(each, "diff_id", layer.diff_id);
        read(each, "created_by", layer.created_by);
        read_number(each, size_key, layer.size_bytes);
        read_number(each, "bytes_done", layer.bytes_done);
    }
    return layers;
}

ImageInfo to_image_info(const Json & json) {
    ImageInfo info;
    if (!json.is_object()) return info;
    read(json, "system", info.system);
    read(json, "itype", info.type);
    read(json, "status", info.status);
    read(json, "id", info.id);
    read(json, "status_message", info.status_message);
    read_number(json, "last_pull", info.last_pull);
    read_numbers(json, "userACL", info.users);
    read_numbers(json, "groupACL", info.groups);
    const auto is_private = json.find("private");
    info.is_private = is_private != json.end() && is_private->is_boolean() && is_private->get<bool>();
    read(json, "digest", info.digest);
    read_texts(json, "indexes", info.indexes);
    read_texts(json, "platforms", info.platforms);
    read(json, "reference", info.reference);
    read(json, "platform", info.platform);
    read_number(json, "size", info.size_bytes);
    for (std::string * text : {&info.digest, &info.reference, &info.platform})
        if (*text == "MISSING") text->clear();
    read_number(json, "owner", info.owner);
    read_number(json, "expiration", info.expiration);
    info.layers = layers_of(json, "size");
    const auto tags = json.find("tag");
    if (tags != json.end() && tags->is_array()) {
        for (const Json & tag : *tags)
            if (tag.is_string()) info.tags.push_back(log::one_line(tag.get_ref<const std::string &>()));
    } else if (tags != json.end() && tags->is_string()) {
        info.tags.push_back(log::one_line(tags->get_ref<const std::string &>()));
    }
    const auto progress = json.find("progress");
    if (progress != json.end() && progress->is_object()) {
        read_number(*progress, "bytes_done", info.bytes_done);
        read_number(*progress, "bytes_total", info.bytes_total);
        if (info.layers.empty()) info.layers = layers_of(*progress, "bytes_total");
    }
    return info;
}

const Json & list_of(const Json & json) {
    const auto list = json.find("list");
    if (list == json.end() || !list->is_array()) throw Error{"the gateway's answer holds no list"};
    return *list;
}

std::string joined(const std::vector<std::uint32_t> & numbers) {
    std::string text;
    for (const std::uint32_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
    return text;
}

} // namespace

ImageInfo parse_image_info(const std::string & body) { return to_image_info(parse(body)); }

ImagePage parse_image_page(const std::string & body) {
    const Json json = parse(body);
    ImagePage page;
    for (const Json & record : list_of(json)) page.images.push_back(to_image_info(record));
    read(json, "next", page.next);
    return page;
}

std::vector<ImageInfo> parse_image_list(const std::string & body) { return parse_image_page(body).images; }

std::vector<QueueEntry> parse_queue(const std::string & body) {
    const Json json = parse(body);
    std::vector<QueueEntry> queue;
    for (const Json & record : list_of(json)) {
        QueueEntry & entry = queue.emplace_back();
        if (!record.is_object()) continue;
        read(record, "status", entry.status);
        read(record, "image", entry.image);
        read(record, "type", entry.type);
        read(record, "status_message", entry.message);
        read(record, "platform", entry.platform);
        read_number(record, "pull", entry.pull);
        const auto progress = record.find("progress");
        if (progress == record.end() || !progress->is_object()) continue;
        read_number(*progress, "bytes_done", entry.bytes_done);
        read_number(*progress, "bytes_total", entry.bytes_total);
    }
    return queue;
}

Verdict parse_verdict(const std::string & body) {
    const Json json = parse(body);
    const auto status = json.find("status");
    if (status == json.end() || status->is_null()) return Verdict::no_such_image;
    return status->is_boolean() && !status->get<bool>() ? Verdict::not_admin : Verdict::done;
}

std::vector<std::string> parse_removed(const std::string & body) {
    const Json json = parse(body);
    std::vector<std::string> ids;
    const auto status = json.find("status");
    if (status == json.end() || !status->is_array()) return ids;
    for (const Json & id : *status)
        if (id.is_string()) ids.push_back(log::one_line(id.get_ref<const std::string &>()));
    return ids;
}

std::string indented(const std::string & body) {
    const auto json = nlohmann::ordered_json::parse(body, nullptr, false);
    if (!json.is_object())
        throw Error{"the gateway's answer is not what a gateway says: " + shifter::quoted(body.substr(0, 100))};
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string pull_body(const std::vector<std::uint32_t> & users, const std::vector<std::uint32_t> & groups) {
    if (users.empty() && groups.empty()) return {};
    nlohmann::ordered_json json;
    json["allowed_uids"] = joined(users);
    json["allowed_gids"] = joined(groups);
    return json.dump();
}

} // namespace shifter::client
