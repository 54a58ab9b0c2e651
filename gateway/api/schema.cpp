#include "api/schema.hpp"

#include "base/installed_paths.hpp"
#include "base/text.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace shifter::api {
namespace {

using Json = nlohmann::ordered_json;

/** The values that answers and bodies are made of (contract 7.3; docs/reference/rest-api.md has them in words). */
constexpr const char * components = R"json({
  "Error": {"type": "object", "required": ["status", "error", "message"], "properties": {
    "status": {"type": "integer", "description": "the status of the answer"},
    "error": {"type": "string", "description": "one sentence: what could not be done, and why"},
    "message": {"type": "string", "description": "the reason phrase and the path"}}},
  "Status": {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}},
  "Missing": {"type": "string", "enum": ["MISSING"], "description": "the image does not have it"},
  "Words": {"type": "array", "items": {"type": "string"}},
  "WordsOrMissing": {"oneOf": [{"$ref": "#/components/schemas/Words"}, {"$ref": "#/components/schemas/Missing"}]},
  "State": {"type": "string", "enum": ["INIT", "PENDING", "PULLING", "EXAMINATION", "CONVERSION", "TRANSFER", "HASHING",
    "READY", "FAILURE", "EXPIRING", "EXPIRED"]},
  "Layer": {"type": "object", "required": ["digest", "diff_id", "size"], "properties": {
    "digest": {"type": "string"}, "diff_id": {"type": "string"},
    "size": {"type": "integer", "description": "bytes, compressed"},
    "created_by": {"type": "string", "description": "the command of the image's history, where it has one"}}},
  "LayerProgress": {"type": "object", "required": ["digest", "bytes_done", "bytes_total"], "properties": {
    "digest": {"type": "string"}, "bytes_done": {"type": "integer"}, "bytes_total": {"type": "integer"}}},
  "Progress": {"type": "object", "required": ["bytes_done", "bytes_total"], "properties": {
    "bytes_done": {"type": "integer"}, "bytes_total": {"type": "integer"},
    "layers": {"type": "array", "items": {"$ref": "#/components/schemas/LayerProgress"}}}},
  "Record": {"type": "object",
    "description": "an image that is READY, or the pull that is on its way to it",
    "required": ["id", "system", "itype", "tag", "status", "userACL", "groupACL", "ENV", "ENTRY", "WORKDIR", "LABELS",
      "last_pull", "status_message"],
    "properties": {
      "id": {"type": "string", "description": "identifier, or MISSING"},
      "system": {"type": "string"}, "itype": {"type": "string"}, "tag": {"$ref": "#/components/schemas/Words"},
      "status": {"$ref": "#/components/schemas/State"},
      "userACL": {"type": "array", "items": {"type": "integer"}},
      "groupACL": {"type": "array", "items": {"type": "integer"}},
      "ENV": {"$ref": "#/components/schemas/WordsOrMissing"}, "ENTRY": {"$ref": "#/components/schemas/WordsOrMissing"},
      "CMD": {"$ref": "#/components/schemas/WordsOrMissing"},
      "WORKDIR": {"type": "string"}, "LABELS": {"oneOf": [{"$ref": "#/components/schemas/Missing"},
        {"type": "object", "additionalProperties": {"type": "string"}}]},
      "last_pull": {"type": "number", "description": "seconds since 1970"},
      "status_message": {"type": "string"},
      "digest": {"type": "string", "description": "of the manifest"},
      "indexes": {"type": "object", "additionalProperties": {"type": "string"},
        "description": "digests of the indexes that tags named when they were pulled, by tag"},
      "reference": {"type": "string"}, "format": {"type": "string"},
      "platform": {"type": "string"},
      "platforms": {"type": "object", "additionalProperties": {"type": "string"},
        "description": "identifiers of the image on all platforms of its system, by platform"},
      "size": {"type": "integer", "description": "bytes of the squashfs"},
      "private": {"type": "boolean"}, "expiration": {"type": "number", "nullable": true},
      "owner": {"type": "integer", "description": "uid of who pulled it"},
      "dropped": {"type": "object", "description": "what the layers hold and the image does not",
        "properties": {"devices": {"type": "integer"}, "setid_bits": {"type": "integer"}, "xattrs": {"type": "integer"}}},
      "layers": {"type": "array", "items": {"$ref": "#/components/schemas/Layer"}, "description": "lowest first"},
      "pull": {"type": "integer", "description": "number of the pull"}, "pulltag": {"type": "string"},
      "progress": {"$ref": "#/components/schemas/Progress"}}},
  "RecordList": {"type": "object", "required": ["list"], "properties": {
    "list": {"type": "array", "items": {"$ref": "#/components/schemas/Record"}},
    "next": {"type": "string", "description": "the `after` of the following page; absent on the last"}}},
  "QueueEntry": {"type": "object", "required": ["status", "image", "type", "pull", "progress"], "properties": {
    "status": {"$ref": "#/components/schemas/State"}, "image": {"type": "string"}, "type": {"type": "string"},
    "pull": {"type": "integer"}, "status_message": {"type": "string"}, "created": {"type": "number"},
    "platform": {"type": "string", "description": "on a system of several platforms"},
    "progress": {"$ref": "#/components/schemas/Progress"}}},
  "Queue": {"type": "object", "required": ["list"], "properties": {
    "list": {"type": "array", "items": {"$ref": "#/components/schemas/QueueEntry"}}}},
  "Verdict": {"type": "object", "required": ["status"], "properties": {
    "status": {"type": "boolean", "nullable": true, "description": "false: not an admin; null: no such image"}}},
  "Removed": {"type": "object", "required": ["status"], "properties": {"status": {"oneOf": [
    {"$ref": "#/components/schemas/Words"}, {"type": "boolean", "enum": [false], "description": "not an admin"}]}}},
  "Lookups": {"type": "array", "items": {"type": "object",
    "required": ["user", "uid", "system", "type", "tag", "id", "time"], "properties": {
      "user": {"type": "string"}, "uid": {"type": "integer"}, "system": {"type": "string"}, "type": {"type": "string"},
      "tag": {"type": "string"}, "id": {"type": "string"}, "time": {"type": "number"}}}},
  "Readers": {"type": "object", "properties": {
    "allowed_uids": {"type": "string", "description": "uids with commas between"},
    "allowed_gids": {"type": "string", "description": "gids with commas between"}}},
  "Summary": {"type": "object", "required": ["version", "time", "systems"], "properties": {
    "version": {"type": "string"}, "time": {"type": "number"},
    "systems": {"type": "array", "items": {"type": "object", "required": ["name", "images", "queue", "failures"],
      "properties": {
        "name": {"type": "string"},
        "public_images": {"type": "integer", "description": "how many public images there are"},
        "images": {"type": "array", "items": {"type": "object"}, "description": "the public ones pulled last"},
        "queue": {"type": "array", "items": {"$ref": "#/components/schemas/QueueEntry"}},
        "unnamed_pulls": {"type": "integer", "description": "pulls of images that are not known to be public"},
        "failures": {"type": "array", "items": {"type": "object"}},
        "storage": {"type": "object"}}}}}}
})json";

/** Parameters of paths and queries, by name. */
constexpr const char * parameters = R"json({
  "system": {"schema": {"type": "string"}, "description": "a system of the gateway's configuration"},
  "type": {"schema": {"type": "string", "enum": ["docker", "custom", "id"]}, "description": "of the image"},
  "tag": {"schema": {"type": "string"},
    "description": "of the image; percent-encoded as a whole, or with its slashes as they are"},
  "file": {"schema": {"type": "string"}, "description": "of the status page"},
  "location": {"schema": {"type": "string"}, "description": "a registry, by its name in Locations, or default"},
  "upload": {"schema": {"type": "string"}, "description": "the identifier of an upload"},
  "offset": {"schema": {"type": "integer", "minimum": 0}, "description": "where the piece begins, in bytes"},
  "pull": {"schema": {"type": "integer", "minimum": 1}, "description": "the number of a pull"},
  "dry_run": {"schema": {"type": "string"}, "description": "1: only say what would be done"},
  "limit": {"schema": {"type": "integer", "minimum": 0, "maximum": 10000}, "description": "most entries of the answer"},
  "after": {"schema": {"type": "string"}, "description": "an identifier: the answer begins after it"},
  "layers": {"schema": {"type": "string", "enum": ["0", "1"]}, "description": "1: records have their layers"},
  "platform": {"schema": {"type": "string"},
    "description": "which of the system's platforms is meant, for example linux/arm64; all, in lists: every one"},
  "platforms": {"schema": {"type": "string", "enum": ["0", "1"]},
    "description": "1: the record has the identifiers on all platforms of a system of several"},
  "Shifter-Machine": {"schema": {"type": "string"},
    "description": "what uname -m says on the caller's machine: its platform is meant, where the system has it"}
})json";

Json reference(const Json & known, std::string_view name) {
    if (!known.contains(name)) throw Error{"the schema has no component " + quoted(name)};
    return {{"$ref", "#/components/schemas/" + std::string{name}}};
}

Json parameter(const Json & known, std::string_view name, const char * place) {
    if (!known.contains(name)) throw Error{"the schema has no parameter " + quoted(name)};
    Json made{{"name", name}, {"in", place}, {"required", std::string_view{place} == "path"}};
    made.update(known.at(std::string{name}));
    return made;
}

/** "{tag...}" is "{tag}" there; `names` gets the parameters. */
std::string openapi_path(std::string_view pattern, std::vector<std::string> & names) {
    std::string path;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        path += pattern[at];
        if (pattern[at] != '{') continue;
        std::string_view name = pattern.substr(at + 1, pattern.find('}', at) - at - 1);
        at += name.size() + 1;
        if (const std::size_t dots = name.find("..."); dots != std::string_view::npos) name = name.substr(0, dots);
        names.emplace_back(name);
        path += names.back() + '}';
    }
    return path;
}

/** "get_api_lookup": unique, and the same as long as the path is. */
std::string operation_id(std::string_view verb, std::string_view pattern) {
    std::string id{verb};
    for (std::string_view component : text::split(pattern, '/')) {
        if (component.empty() || component == "{system}" || component == "{type}" || component == "{tag...}") continue;
        id += '_';
        for (const char c : component)
            if (std::string_view{"{.}"}.find(c) == std::string_view::npos) id += c;
    }
    return pattern == "/" ? id + "_index" : id;
}

Json answer_of(const Json & known, std::string_view answer) {
    if (answer == "text") return {{"text/plain", {{"schema", {{"type", "string"}}}}}};
    if (answer == "page") return {{"text/html", {{"schema", {{"type", "string"}}}}}};
    if (answer == "file") return {{"*/*", {{"schema", {{"type", "string"}}}}}};
    return {{json_type, {{"schema", answer.empty() ? Json::object() : reference(known, answer)}}}};
}

Json operation(const Route & route, const Json & known, const Json & known_parameters,
               const std::vector<std::string> & path_names) {
    const char * verb = route.method == Method::post ? "post" : "get";
    Json made{{"operationId", operation_id(verb, route.pattern)}, {"summary", route.summary}};
    if (route.access == Access::open) made["security"] = Json::array();
    if (route.access == Access::reader) made["security"] = {{{"munge", Json::array()}}, Json::object()};
    Json & all = made["parameters"] = Json::array();
    for (const std::string & name : path_names) all.push_back(parameter(known_parameters, name, "path"));
    if (!route.query.empty())
        for (const std::string_view name : text::split(route.query, ','))
            all.push_back(parameter(known_parameters, name, "query"));
    const auto queries = text::split(route.query, ',');
    if (std::find(queries.begin(), queries.end(), "platform") != queries.end())
        all.push_back(parameter(known_parameters, "Shifter-Machine", "header"));
    if (!route.body.empty())
        made["requestBody"] = {{"required", false},
                               {"content", {{json_type, {{"schema", reference(known, route.body)}}}}}};
    made["responses"]["200"] = {{"description", "done"}, {"content", answer_of(known, route.answer)}};
    made["responses"]["default"] = {{"description", "an error; the status says of which kind"},
                                    {"content", answer_of(known, "Error")}};
    return made;
}

} // namespace

std::string openapi_document(std::span<const Route> routes) {
    const Json known = Json::parse(components);
    const Json known_parameters = Json::parse(parameters);
    Json document{{"openapi", "3.0.3"}};
    document["info"] = {{"title", "shifter-gateway"},
                        {"version", installed::version},
                        {"description", "The image gateway of a Shifter site. A path may end in a slash or not."}};
    document["security"] = {{{"munge", Json::array()}}};
    Json & paths = document["paths"] = Json::object();
    for (const Route & route : routes) {
        std::vector<std::string> names;
        const std::string path = openapi_path(route.pattern, names);
        paths[path][route.method == Method::post ? "post" : "get"] = operation(route, known, known_parameters, names);
    }
    document["components"]["schemas"] = known;
    document["components"]["securitySchemes"]["munge"] = {
        {"type", "apiKey"},
        {"in", "header"},
        {"name", "authentication"},
        {"description", "a MUNGE credential, made for this one request"}};
    return document.dump(2);
}

} // namespace shifter::api
