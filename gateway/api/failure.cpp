#include "api/failure.hpp"

#include "pull/quota.hpp"
#include "pull/upload_store.hpp"
#include "registry/registry_client.hpp"

#include <nlohmann/json.hpp>

namespace shifter::api {
namespace {

int status_of_cause(registry::Cause cause) noexcept {
    switch (cause) {
    case registry::Cause::not_found:
        return 404;
    case registry::Cause::denied:
        return 403;
    case registry::Cause::unreachable:
    case registry::Cause::registry_fault:
    case registry::Cause::bad_content:
        return 502;
    case registry::Cause::over_limit:
        return 413;
    case registry::Cause::stopped:
        return 503;
    }
    return 500;
}

int status_of_errno(int error_number) noexcept {
    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
        return 507;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
        return 503;
    default:
        return 500;
    }
}

} // namespace

Refusal no_such_image() { return Refusal{404, "there is no such image, or you may not use it"}; }

int status_of(const std::exception & error) noexcept {
    if (const auto * refusal = dynamic_cast<const Refusal *>(&error)) return refusal->status();
    if (const auto * registry = dynamic_cast<const registry::RegistryError *>(&error))
        return status_of_cause(registry->cause());
    if (dynamic_cast<const catalog::Unavailable *>(&error) != nullptr) return 503;
    if (dynamic_cast<const pull::UnknownUpload *>(&error) != nullptr) return 404;
    if (dynamic_cast<const pull::OutOfStep *>(&error) != nullptr) return 409;
    if (dynamic_cast<const pull::OverQuota *>(&error) != nullptr) return 403;
    if (const auto * system = dynamic_cast<const SysError *>(&error)) return status_of_errno(system->error_number());
    if (dynamic_cast<const std::bad_alloc *>(&error) != nullptr) return 503;
    return 500;
}

Response failure(int status, std::string_view sentence, std::string_view url) {
    nlohmann::ordered_json body;
    body["status"] = status;
    body["error"] = sentence;
    body["message"] = std::string{reason_phrase(status)} + ": " + std::string{url};
    // A URL holds whatever bytes a client sent; JSON must be UTF-8.
    Response response{.status = status, .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
    return response;
}

} // namespace shifter::api
