// Images that users send: a spool that grows by pieces, and then a pull that needs no registry.
#include "api/api.hpp"
#include "api/pull_body.hpp"
#include "api/records.hpp"

#include "base/text.hpp"

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
    const ImageRequest request = named_image(call);
    if (request.type != ImageType::custom)
        throw Refusal{400, "what users send is an image of type custom, not " + shifter::quoted(request.to_string())};
    const catalog::ImageKey key{call.system->name, request.type, own_name(call.caller, request.tag)};
    call.audit = field("image", "custom:" + key.tag) + audit_of_caller(call);
    const auto readers = parse_pull_body(call.request.body); // looks the whole body over, too
    if (!readers) throw Refusal{400, "cannot read the body of the request: " + readers.error().what};
    const auto body = nlohmann::json::parse(call.request.body, nullptr, false);
    if (!body.is_object() || !body.contains("upload") || !body["upload"].is_string() || !body.contains("bytes") ||
        !body["bytes"].is_number_unsigned())
        throw Refusal{400, "cannot read the body of the request: it does not say which upload, and its bytes"};
    auto file =
        store_of(parts_.uploads)
            .finish(body["upload"].get<std::string>(), call.caller.identity.uid, body["bytes"].get<std::uint64_t>());
    const catalog::Enqueued answer = parts_.submit_archive(key, call.caller, *readers, std::move(file));
    const auto & pull = std::get<catalog::Pull>(answer.what);
    call.audit += field("pull", std::to_string(pull.number));
    return {.body = pull_record(pull)};
}

Response Api::report_pull(Call & call) {
    const auto number = text::parse_unsigned<std::int64_t>(call.parameters.at("pull"));
    const auto pull = number ? parts_.catalog.find_pull(*number) : std::nullopt;
    const bool is_his =
        pull && pull->key.system == call.system->name && (call.is_admin || pull->requester == call.caller.identity.uid);
    if (!is_his) throw Refusal{404, "there is no such pull of yours"};
    return {.body = pull_record(*pull)};
}

} // namespace shifter::api
