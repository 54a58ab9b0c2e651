#include "catalog/json_columns.hpp"

#include "base/error.hpp"

#include <nlohmann/json.hpp>

namespace shifter::catalog {

namespace {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

std::string write(const Json & json) {
    try {
        return json.dump();
    } catch (const Json::exception &) {
        throw Error{"cannot store a value in the catalog: it is not UTF-8 text"};
    }
}

/** Reads a column; anything unexpected in it is damage. */
template <class Read> auto read(const std::string & text, const char * what, Read read_json) {
    try {
        return read_json(Json::parse(text));
    } catch (const Json::exception &) {
        throw Error{std::string{"the catalog is damaged: "} + what + " cannot be read"};
    }
}

template <class Value> void put(Json & json, const char * name, const std::optional<Value> & value) {
    if (value) json[name] = *value;
}

template <class Value> void take(const Json & json, const char * name, std::optional<Value> & value) {
    if (const auto found = json.find(name); found != json.end()) value = found->get<Value>();
}

Digest digest_of_column(const Json & json) {
    return Digest::parse(json.get_ref<const std::string &>())
        .value_or_throw("the catalog is damaged: a digest cannot be read");
}

} // namespace

std::string to_json(const Acl & acl) { return write({{"users", acl.users}, {"groups", acl.groups}}); }

std::string to_json(const Progress & progress) {
    Json layers = Json::array();
    for (const auto & layer : progress.layers) layers.push_back({layer.digest, layer.bytes_done, layer.bytes_total});
    return write({{"done", progress.bytes_done}, {"total", progress.bytes_total}, {"layers", std::move(layers)}});
}

std::string to_json(const oci::ImageConfig & config, const std::optional<Dropped> & dropped) {
    Json json{{"created", config.created}, {"env", config.env}, {"labels", config.labels}, {"volumes", config.volumes}};
    json["platform"] = {config.platform.os, config.platform.architecture, config.platform.variant};
    put(json, "entrypoint", config.entrypoint);
    put(json, "cmd", config.cmd);
    put(json, "workdir", config.workdir);
    put(json, "user", config.user);
    if (dropped) json["dropped"] = {dropped->devices, dropped->setid_bits, dropped->xattrs};
    return write(json);
}

std::string to_json(const std::vector<LayerInfo> & layers) {
    Json json = Json::array();
    for (const auto & layer : layers)
        json.push_back({layer.blob.to_string(), layer.diff_id.to_string(), layer.size_bytes, layer.created_by});
    return write(json);
}

Acl acl_of(const std::string & text) {
    return read(text, "a list of readers", [](const Json & json) {
        return Acl{json.at("users").get<std::vector<uid_t>>(), json.at("groups").get<std::vector<gid_t>>()};
    });
}

Progress progress_of(const std::string & text) {
    return read(text, "the progress of a pull", [](const Json & json) {
        Progress progress;
        progress.bytes_done = json.at("done").get<std::uint64_t>();
        progress.bytes_total = json.at("total").get<std::uint64_t>();
        for (const Json & layer : json.at("layers")) {
            progress.layers.push_back(
                {layer.at(0).get<std::string>(), layer.at(1).get<std::uint64_t>(), layer.at(2).get<std::uint64_t>()});
        }
        return progress;
    });
}

oci::ImageConfig config_of(const std::string & text) {
    return read(text, "the configuration of an image", [](const Json & json) {
        oci::ImageConfig config;
        const Json & platform = json.at("platform");
        config.platform = {platform.at(0).get<std::string>(), platform.at(1).get<std::string>(),
                           platform.at(2).get<std::string>()};
        config.created = json.at("created").get<std::string>();
        config.env = json.at("env").get<Strings>();
        config.labels = json.at("labels").get<std::vector<std::pair<std::string, std::string>>>();
        config.volumes = json.at("volumes").get<Strings>();
        take(json, "entrypoint", config.entrypoint);
        take(json, "cmd", config.cmd);
        take(json, "workdir", config.workdir);
        take(json, "user", config.user);
        return config;
    });
}

std::optional<Dropped> dropped_of(const std::string & text) {
    return read(text, "the configuration of an image", [](const Json & json) -> std::optional<Dropped> {
        const auto found = json.find("dropped");
        if (found == json.end()) return std::nullopt;
        return Dropped{found->at(0).get<std::uint64_t>(), found->at(1).get<std::uint64_t>(),
                       found->at(2).get<std::uint64_t>()};
    });
}

std::vector<LayerInfo> layers_of(const std::string & text) {
    return read(text, "the layers of an image", [](const Json & json) {
        std::vector<LayerInfo> layers;
        for (const Json & layer : json) {
            layers.push_back({digest_of_column(layer.at(0)), digest_of_column(layer.at(1)),
                              layer.at(2).get<std::uint64_t>(),
                              layer.size() > 3 ? layer.at(3).get<std::string>() : ""}); // earlier releases had three
        }
        return layers;
    });
}

} // namespace shifter::catalog
