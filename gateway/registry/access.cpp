#include "registry/access.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "registry/documents.hpp"
#include "registry/token_answer.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace shifter::registry {
namespace {

using Clock = std::chrono::steady_clock;

bool is_docker_hub(const std::string & host) {
    return host == "registry-1.docker.io" || host == "index.docker.io" || host == "docker.io";
}

/** "Basic …", RFC 7617 and RFC 4648. */
Secret basic_authorization(const Credentials & credentials) {
    const Secret pair = credentials.password.after(credentials.user + ":");
    const std::string_view bytes = pair.reveal();
    std::string encoded(4 * ((bytes.size() + 2) / 3) + 1, '\0'); // and the zero byte that OpenSSL adds
    const int size =
        ::EVP_EncodeBlock(reinterpret_cast<unsigned char *>(encoded.data()),
                          reinterpret_cast<const unsigned char *>(bytes.data()), static_cast<int>(bytes.size()));
    encoded.resize(static_cast<std::size_t>(size));
    return Secret::adopt(std::move(encoded)).after("Basic ");
}

/** The challenges of an answer; a header that cannot be read is as good as none. */
std::optional<Challenge> challenge_of(const HttpResponse & response, std::string_view scheme) {
    for (const auto & [name, value] : response.headers) {
        if (name != "www-authenticate") continue;
        const auto challenges = parse_www_authenticate(value);
        if (!challenges) continue;
        for (const Challenge & challenge : *challenges)
            if (challenge.scheme == scheme) return challenge;
    }
    return std::nullopt;
}

} // namespace

Access::Access(Http & http, Url base, const Location & location, Logins logins, RegistryLimits limits)
    : http_{http}, base_{std::move(base)}, method_{location.auth_method},
      token_hosts_{location.token_hosts}, logins_{std::move(logins)}, limits_{limits} {}

Pass Access::current(const std::string & repository, const std::stop_token & stop) {
    const std::lock_guard lock{mutex_};
    State & state = states_[repository];
    if (state.renew_at && Clock::now() >= *state.renew_at) {
        const std::uint64_t next = state.generation + 1;
        if (!fetch_token(state, repository, state.shown, stop)) state = State{};
        state.generation = next;
    }
    return {state.authorization, state.generation};
}

void Access::accepted(const std::string & repository, std::uint64_t generation) {
    const std::lock_guard lock{mutex_};
    State & state = states_[repository];
    if (state.generation != generation) return;
    state.proven = true;
    used_credentials_ |= state.stage == Stage::login;
}

bool Access::refused(const std::string & repository, std::uint64_t generation, const HttpResponse & response,
                     const std::stop_token & stop) {
    const std::lock_guard lock{mutex_};
    State & state = states_[repository];
    if (state.generation != generation) return true;
    ++state.generation;
    // A token that worked and works no more has been revoked, or a clock is wrong: one of the same kind will do.
    if (response.status == 401 && state.proven && state.renew_at)
        return fetch_token(state, repository, state.shown, stop);

    const auto bearer = method_ == AuthMethod::token ? challenge_of(response, "bearer") : std::nullopt;
    if (bearer) remember_realm(state, *bearer, response);
    if (!proves_login_ && state.stage == Stage::nothing && response.status == 401 &&
        enter_as_anybody(state, repository, response, stop)) {
        state.stage = Stage::token;
        return true;
    }
    if (state.stage == Stage::login || !logins_.user) return false;
    const bool by_basic = method_ == AuthMethod::basic || challenge_of(response, "basic").has_value();
    if (!log_in(state, repository, by_basic && !bearer, stop)) return false;
    state.stage = Stage::login;
    return true;
}

/** As the site, where it has a login and the registry takes it; otherwise as nobody. */
bool Access::enter_as_anybody(State & state, const std::string & repository, const HttpResponse & response,
                              const std::stop_token & stop) const {
    if (logins_.site && state.realm && may_see_credentials(*state.realm)) {
        if (fetch_token(state, repository, &*logins_.site, stop)) return true;
        log::warning("event=site_login registry=" + base_.authority() +
                     " reason=\"it refuses the site's own login, and is asked without\"");
    }
    if (state.realm) return fetch_token(state, repository, nullptr, stop);
    const bool by_basic = method_ == AuthMethod::basic || challenge_of(response, "basic").has_value();
    if (logins_.site && by_basic) use_basic(state, *logins_.site);
    return logins_.site && by_basic;
}

void Access::use_basic(State & state, const Credentials & login) const {
    state.authorization = basic_authorization(login);
    state.shown = &login;
    state.renew_at.reset();
    state.proven = false;
}

void Access::remember_realm(State & state, const Challenge & challenge, const HttpResponse & response) const {
    const std::string host = base_.authority();
    const auto realm = Url::parse(challenge.parameter("realm").value_or(""));
    if (!realm)
        throw FailedTry{Cause::registry_fault,
                        host + " names no usable place to ask for a token: " + realm.error().what, false};
    if (base_.is_https() && !realm->is_https())
        throw FailedTry{Cause::registry_fault, host + " wants a token to be asked for in clear text", false};
    state.realm = *realm;
    state.service = challenge.parameter("service").value_or("");
    state.registry_reach = response.reach;
}

bool Access::is_own_word(const std::string & host) const {
    return std::find(token_hosts_.begin(), token_hosts_.end(), host) != token_hosts_.end() ||
           (is_docker_hub(base_.host()) && host == "auth.docker.io");
}

bool Access::may_see_credentials(const Url & realm) const {
    return (realm.is_https() || !base_.is_https()) && (realm.host() == base_.host() || is_own_word(realm.host()));
}

bool Access::log_in(State & state, const std::string & repository, bool by_basic, const std::stop_token & stop) const {
    if (by_basic) {
        use_basic(state, *logins_.user);
        return true;
    }
    if (!state.realm) return false;
    if (!may_see_credentials(*state.realm))
        throw FailedTry{Cause::denied,
                        base_.authority() + " wants the login to be sent to " + state.realm->authority() +
                            ", which the configuration of this registry does not name",
                        false};
    return fetch_token(state, repository, &*logins_.user, stop);
}

/** False when the token server refuses. The caller holds the mutex: others need the same token. */
bool Access::fetch_token(State & state, const std::string & repository, const Credentials * login,
                         const std::stop_token & stop) const {
    Url url = *state.realm;
    if (!state.service.empty()) url = url.with_query("service", state.service);
    if (!repository.empty()) url = url.with_query("scope", "repository:" + repository + ":pull");
    HttpRequest request{url, "application/json", {}, std::nullopt, limits_.document_timeout, false, std::nullopt};
    if (login != nullptr) request.authorization = basic_authorization(*login);
    if (!is_own_word(url.host())) request.led_by = state.registry_reach;

    std::string body;
    HttpResponse response;
    try {
        response = http_.exchange(request, into(body, limits_.documents.max_bytes, url.authority()), stop);
    } catch (const FailedTry & failure) {
        if (url.authority() == base_.authority()) throw;
        throw FailedTry{failure.cause(), base_.authority() + " wants a token of another host: " + failure.what(),
                        failure.passing(), failure.retry_after()};
    }
    if (response.status >= 300 && response.status < 400)
        throw FailedTry{Cause::registry_fault,
                        url.authority() + " redirects who asks for a token, which is not followed", false};
    if (response.status == 401 || response.status == 403) return false;
    if (response.status == 404)
        throw FailedTry{Cause::registry_fault, url.authority() + " has no tokens at the place that it names (404)",
                        false};
    if (response.status != 200) throw failure_of_status(url.authority(), response);
    auto answer = parse_token_answer(body, limits_.documents);
    if (!answer)
        throw FailedTry{Cause::registry_fault,
                        url.authority() + " gave an answer in place of a token: " + answer.error().what, false};
    // A tenth early, so that it does not run out on its way.
    const auto margin = std::min<std::chrono::milliseconds>(answer->lifetime / 10, std::chrono::seconds{10});
    state.renew_at = Clock::now() + std::chrono::milliseconds{answer->lifetime} - margin;
    state.authorization = answer->token.after("Bearer ");
    state.shown = login;
    state.proven = false;
    return true;
}

FailedTry Access::denial(const std::string & repository, long status) const {
    const std::lock_guard lock{mutex_};
    const auto place = states_.find(repository);
    const std::string code = " (" + std::to_string(status) + ")";
    const std::string host = base_.authority();
    const bool logged_in = place != states_.end() && place->second.stage == Stage::login;
    // A token given for the login, or a plain 403: the login is good, and this image is not for it.
    if (logged_in && (place->second.renew_at || status == 403))
        return {Cause::denied,
                host + " does not let " + shifter::quoted(logins_.user->user) + " read it" + code +
                    "; ask for access to it, or log in anew with shifterimg login",
                false};
    if (logins_.user)
        return {Cause::denied,
                host + " refused the login as " + shifter::quoted(logins_.user->user) + code +
                    "; log in anew with shifterimg login",
                false};
    if (status == 403) return {Cause::denied, host + " refused access (403); log in with shifterimg login", false};
    return {Cause::denied, host + " refused access (401): it does not exist there, or needs a login (shifterimg login)",
            false};
}

bool Access::used_credentials() const {
    const std::lock_guard lock{mutex_};
    return used_credentials_;
}

} // namespace shifter::registry
