#include "registry/endpoint.hpp"

#include "registry/documents.hpp"

namespace shifter::registry {
namespace {

/** The site's URL of a registry, with or without a slash or "/v2" at its end. */
Url base_of(std::string text) {
    const std::string written = text;
    while (!text.empty() && text.back() == '/') text.pop_back();
    if (text.size() > 3 && text.substr(text.size() - 3) == "/v2") text.resize(text.size() - 3);
    return Url::parse(text).value_or_throw("cannot use the registry URL " + shifter::quoted(written));
}

bool is_redirect(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}
bool is_content(long status) { return status == 200 || status == 206 || status == 416; }

} // namespace

Endpoint::Endpoint(Http & http, const std::string & url, const Location & location, Logins logins,
                   const RegistryLimits & limits)
    : http_{http}, base_{base_of(url)}, limits_{limits}, access_{http, base_, location, std::move(logins), limits} {}

HttpResponse Endpoint::get(const Get & get, const BodySink & sink, const std::stop_token & stop) {
    const Url url = base_.with_path(get.repository.empty() ? "/v2/" : "/v2/" + get.repository + "/" + get.path);
    // Nothing, a token, a login, and each token renewed once: whoever still says no means it.
    constexpr unsigned max_passes = 5;
    long status = 0;
    for (unsigned i = 0; i < max_passes; ++i) {
        const Pass pass = access_.current(get.repository, stop);
        const HttpRequest request{url,           get.accept,  pass.authorization, get.range_from, get.total_timeout,
                                  get.head_only, std::nullopt};
        HttpResponse response = http_.exchange(request, sink, stop);
        if (is_redirect(response.status) && !get.head_only) response = follow(request, std::move(response), sink, stop);
        status = response.status;
        if (is_content(status) || (get.head_only && is_redirect(status))) {
            access_.accepted(get.repository, pass.generation);
            return response;
        }
        if (status != 401 && status != 403) throw failure_of_status(host(), response);
        if (!access_.refused(get.repository, pass.generation, response, stop)) break;
    }
    throw access_.denial(get.repository, status);
}

HttpResponse Endpoint::follow(HttpRequest request, HttpResponse response, const BodySink & sink,
                              const std::stop_token & stop) const {
    const Reach registry_reach = response.reach;
    bool left = false; // for another origin; a redirect back does not bring the credentials back
    for (unsigned i = 0; i < limits_.max_redirects; ++i) {
        const auto location = response.header("location");
        // The text of a redirect may come from a host that nobody here chose, and is not repeated.
        if (!location) throw FailedTry{Cause::registry_fault, host() + " redirects to nowhere", false};
        const auto target = request.url.resolve(*location);
        if (!target)
            throw FailedTry{Cause::registry_fault, host() + " redirects to an address that cannot be used", false};
        if (request.url.is_https() && !target->is_https())
            throw FailedTry{Cause::registry_fault, host() + " redirects from https to http", false};
        left = left || !target->same_origin(base_);
        if (left) request.authorization = Secret{};
        request.url = *target;
        request.led_by = registry_reach;
        try {
            response = http_.exchange(request, sink, stop);
        } catch (const FailedTry & failure) {
            throw FailedTry{failure.cause(), host() + " redirects: " + failure.what(), failure.passing(),
                            failure.retry_after()};
        }
        if (is_redirect(response.status)) continue;
        if (is_content(response.status) || !left) return response;
        const FailedTry failure = failure_of_status(target->authority(), response);
        throw FailedTry{Cause::registry_fault,
                        host() + " redirects to " + target->authority() + ", which answered " +
                            std::to_string(response.status),
                        failure.passing(), failure.retry_after()};
    }
    throw FailedTry{Cause::registry_fault,
                    host() + " redirects more than " + std::to_string(limits_.max_redirects) + " times", false};
}

} // namespace shifter::registry
