// Images that users send: a spool that grows by pieces, and then a pull that needs no registry.
#include "api/api.hpp"
#include "api/pull_body.hpp"
#include "api/records.hpp"

#include "base/text.hpp"
#include "pull/squashfs_file.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace shifter::api {
namespace {

pull::UploadStore & store_of(pull::UploadStore * uploads) {
    if (uploads == nullptr) throw Refusal{501, "this gateway takes no images from users"};
    return *uploads;
}

/** Everybody has names of his own, below that of his account: nobody can take another's, or find it taken (I33). */
std::string own_name(const auth::Caller & caller, const std::string & tag) {
    const bool has_account = caller.name.find(' ') == std::string::npos && !caller.name.empty();
    const std::string prefix = (has_account ? caller.name : "uid" + std::to_string(caller.identity.uid)) + "/";
    return tag.rfind(prefix, 0) == 0 ? tag : prefix + tag;
}

/** What both load and doimport are given. */
struct Brought {
    catalog::ImageKey key;
    Acl readers;
    nlohmann::json body;
};

Brought read_brought(Call & call) {
    const ImageRequest request = named_image(call);
    if (request.type != ImageType::custom)
        throw Refusal{400, "what users send is an image of type custom, not " + shifter::quoted(request.to_string())};
    const std::string name = own_name(call.caller, request.tag);
    Brought brought{key_on_platform(call, request.type, name), {}, {}};
    call.audit = field("image", "custom:" + name) + audit_of_caller(call);
    auto readers = parse_pull_body(call.request.body); // looks the whole body over, too
    if (!readers) throw Refusal{400, "cannot read the body of the request: " + readers.error().what};
    brought.readers = *std::move(readers);
    brought.body = nlohmann::json::parse(call.request.body, nullptr, false);
    return brought;
}

/** What was sent in pieces before. */
std::shared_ptr<const pull::SharedFile> sent_file(pull::UploadStore & uploads, const Call & call,
                                                  const nlohmann::json & body) {
    if (!body.is_object() || !body.contains("upload") || !body["upload"].is_string() || !body.contains("bytes") ||
        !body["bytes"].is_number_unsigned())
        throw Refusal{400, "cannot read the body of the request: it does not say which upload, and its bytes"};
    return uploads.finish(body["upload"].get<std::string>(), call.caller.identity.uid,
                          body["bytes"].get<std::uint64_t>());
}

bool may_import(const pull::GatewaySettings & settings, const auth::Caller & caller) {
    const auto is_caller = [&](const std::string & name) {
        return name == caller.name || name == std::to_string(caller.identity.uid);
    };
    return settings.import_right == pull::ImportRight::everybody ||
           (settings.import_right == pull::ImportRight::listed &&
            std::any_of(settings.importers.begin(), settings.importers.end(), is_caller));
}

} // namespace

Response Api::begin_upload(Call & call) {
    call.audit = audit_of_caller(call);
    const std::string upload = store_of(parts_.uploads).begin(call.caller.identity.uid);
    return {.body = R"({"upload":")" + upload + R"(","piece_bytes":)" + std::to_string(parts_.piece_bytes) + "}"};
}

Response Api::add_to_upload(Call & call) {
    const auto offset = text::parse_unsigned<std::uint64_t>(call.parameters.at("offset"));
    if (!offset) throw Refusal{400, "the offset is not a number: " + shifter::quoted(call.parameters.at("offset"))};
    const std::uint64_t bytes =
        store_of(parts_.uploads)
            .add(call.parameters.at("upload"), call.caller.identity.uid, *offset, call.request.body);
    return {.body = R"({"bytes":)" + std::to_string(bytes) + "}"};
}

Response Api::load_image(Call & call) {
    const Brought brought = read_brought(call);
    auto file = sent_file(store_of(parts_.uploads), call, brought.body);
    return publish_brought(call,
                           parts_.submit_archive(brought.key, call.caller, brought.readers, std::move(file)));
}

Response Api::import_image(Call & call) {
    if (!may_import(parts_.settings, call.caller))
        throw Refusal{403, "you have no right to import images (ImportUsers in the gateway's configuration); shifterimg "
                           "load takes archives from everybody"};
    const Brought brought = read_brought(call);
    const nlohmann::json & body = brought.body;
    if (!body.is_object() || !body.contains("format") || !body["format"].is_string())
        throw Refusal{400, "cannot read the body of the request: it does not say the format"};
    if (body["format"] != "squashfs") // H8-13: of others, kernels would have to trust the writer
        throw Refusal{400, "only files of the format squashfs are imported, not " +
                               shifter::quoted(body["format"].get<std::string>())};
    const bool is_named = body.contains("filepath");
    if (is_named && !body["filepath"].is_string())
        throw Refusal{400, "cannot read the body of the request: filepath is not a text"};
    auto & uploads = store_of(parts_.uploads);
    auto file = is_named ? pull::own_file(body["filepath"].get<std::string>(), call.caller.identity.uid)
                         : sent_file(uploads, call, body);
    if (!file)
        throw Refusal{403, "cannot import " + shifter::quoted(body["filepath"].get<std::string>()) +
                               ": on the gateway's host it is no file of yours that the gateway can read; shifterimg "
                               "import sends it from here"};
    return publish_brought(
        call, parts_.submit_squashfs(brought.key, call.caller, brought.readers, std::move(file), !is_named));
}

Response Api::publish_brought(Call & call, const catalog::Enqueued & answer) {
    const auto & pull = std::get<catalog::Pull>(answer.what);
    call.audit += field("pull", std::to_string(pull.number));
    return {.body = pull_record(pull, shown_platform(*call.system, pull.key.tag))};
}

Response Api::report_pull(Call & call) {
    const auto number = text::parse_unsigned<std::int64_t>(call.parameters.at("pull"));
    const auto pull = number ? parts_.catalog.find_pull(*number) : std::nullopt;
    const bool is_his =
        pull && pull->key.system == call.system->name && (call.is_admin || pull->requester == call.caller.identity.uid);
    if (!is_his) throw Refusal{404, "there is no such pull of yours"};
    return {.body = pull_record(*pull, shown_platform(*call.system, pull->key.tag))};
}

} // namespace shifter::api
