#include "client/json_output.hpp"

#include <nlohmann/json.hpp>

namespace shifter::client::json {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json & json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json text_or_null(const std::string & text) { return text.empty() || text == "MISSING" ? Json(nullptr) : Json(text); }

template <class Value> Json or_null(const std::optional<Value> & value) { return value ? Json(*value) : Json(nullptr); }

Json layers_of(const std::vector<LayerLine> & layers) {
    Json list = Json::array();
    for (const LayerLine & layer : layers)
        list.push_back({{"digest", layer.digest},
                        {"diff_id", text_or_null(layer.diff_id)},
                        {"size", layer.size_bytes},
                        {"created_by", text_or_null(layer.created_by)}});
    return list;
}

Json image_of(const ImageInfo & info) {
    return {{"id", text_or_null(info.id)},
            {"system", info.system},
            {"type", info.type},
            {"tags", info.tags},
            {"state", info.status},
            {"digest", text_or_null(info.digest)},
            {"indexes", Json(info.indexes)},
            {"reference", text_or_null(info.reference)},
            {"platform", text_or_null(info.platform)},
            {"size", info.size_bytes},
            {"owner", or_null(info.owner)},
            {"private", info.is_private},
            {"users", info.users},
            {"groups", info.groups},
            {"last_pull", info.last_pull},
            {"expiration", or_null(info.expiration)}};
}

Json node_of(const TreeNode & node) {
    Json children = Json::array();
    for (const TreeNode & child : node.children) children.push_back(node_of(child));
    return {{"digest", node.digest}, {"size", node.size_bytes}, {"images", node.images}, {"children", children}};
}

Json error_of(Cause cause, std::string_view sentence) {
    const CauseFacts & facts = facts_of(cause);
    return {{"cause", facts.name}, {"status", facts.status}, {"message", sentence}};
}

} // namespace

std::string images(const std::vector<ImageInfo> & images) {
    Json list = Json::array();
    for (const ImageInfo & each : images) list.push_back(image_of(each));
    return text_of({{"images", std::move(list)}});
}

std::string image(const ImageInfo & image) {
    Json described = image_of(image);
    if (!image.platforms.empty()) described["platforms"] = image.platforms;
    return text_of({{"image", std::move(described)}});
}

std::string inspected(const ImageInfo & image, const std::string & body) {
    Json described = image_of(image);
    described["layers"] = layers_of(image.layers);
    return text_of({{"image", std::move(described)}, {"record", Json::parse(body, nullptr, false)}});
}

std::string queue(const std::vector<QueueEntry> & entries) {
    Json list = Json::array();
    for (const QueueEntry & entry : entries) {
        list.push_back({{"pull", entry.pull},
                        {"image", entry.image},
                        {"type", entry.type},
                        {"state", entry.status},
                        {"message", entry.message},
                        {"bytes_done", entry.bytes_done},
                        {"bytes_total", entry.bytes_total}});
        if (!entry.platform.empty()) list.back()["platform"] = entry.platform;
    }
    return text_of({{"queue", std::move(list)}});
}

std::string history(const std::string & name, const std::vector<LayerLine> & layers) {
    return text_of({{"image", name}, {"layers", layers_of(layers)}});
}

std::string tree(const std::vector<TreeNode> & roots) {
    Json list = Json::array();
    for (const TreeNode & root : roots) list.push_back(node_of(root));
    return text_of({{"tree", std::move(list)}});
}

std::string pulls(const std::vector<PullEnd> & ends) {
    Json list = Json::array();
    for (const PullEnd & end : ends)
        list.push_back({{"image", end.image},
                        {"state", end.info.status},
                        {"id", text_or_null(end.info.id)},
                        {"digest", text_or_null(end.info.digest)},
                        {"message", end.info.status_message},
                        {"error", end.error.empty() ? Json(nullptr) : error_of(end.cause, end.error)}});
    return text_of({{"pulls", std::move(list)}});
}

std::string done(std::string_view mode, const std::string & argument) {
    return text_of({{"done", mode}, {"argument", text_or_null(argument)}});
}

std::string removed(const std::vector<std::string> & ids) { return text_of({{"removed", ids}}); }

std::string error(Cause cause, std::string_view sentence) { return text_of({{"error", error_of(cause, sentence)}}); }

} // namespace shifter::client::json
