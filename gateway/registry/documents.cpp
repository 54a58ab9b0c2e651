#include "registry/documents.hpp"

#include <ctime>

namespace shifter::registry {

BodySink into(std::string & body, std::size_t max_bytes, const std::string & host) {
    return [&body, max_bytes, host](const HttpResponse &, std::span<const std::byte> bytes) {
        if (bytes.size() > max_bytes - body.size())
            throw FailedTry{Cause::over_limit,
                            host + " sent a document of more than " + std::to_string(max_bytes) + " bytes", false};
        body.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    };
}

FailedTry failure_of_status(const std::string & host, const HttpResponse & response) {
    const long status = response.status;
    const std::string code = std::to_string(status);
    if (status == 404) return {Cause::not_found, host + " does not have it (404)", false};
    if (status == 401 || status == 403) return {Cause::denied, host + " refused access (" + code + ")", false};
    const bool passing = status == 408 || status == 429 || status >= 500;
    std::optional<std::chrono::seconds> retry_after;
    if (const auto text = response.header("retry-after"); text && passing)
        retry_after = parse_retry_after(*text, std::time(nullptr));
    return {Cause::registry_fault, host + " answered " + code + (status == 429 ? " (too many requests)" : ""), passing,
            retry_after};
}

} // namespace shifter::registry
