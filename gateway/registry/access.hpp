/**
 * @file
 * How one registry lets us read: nothing, a token, or a login, in this order (I28). Where the site has a login of its
 * own, the token, or the Basic authorization, is for that: it stands for "anybody of the site". CNCF distribution,
 * "Token Authentication Specification"; RFC 7617 for Basic.
 *
 * Rules for the realm that a registry names:
 *   - credentials go there only when its host is the registry's own, auth.docker.io for Docker Hub, or one of
 *     Location::token_hosts, and only by https, unless the registry's own URL is http;
 *   - without credentials a token may be asked of any https realm (http where the registry is http) that address_rules
 *     lets the registry lead to;
 *   - the scope is ours ("repository:<name>:pull"), whatever the registry suggests; a realm that redirects is refused.
 */
#pragma once

#include "registry/http.hpp"
#include "registry/www_authenticate.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace shifter::registry {

/** Whose logins a registry may be shown, when it asks. */
struct Logins {
    std::optional<Credentials> user{}; ///< what only this may read is private
    std::optional<Credentials> site{}; ///< what this may read is everybody's
};

/** What a request carries. `generation` tells refused() whether somebody else has found a better pass meanwhile. */
struct Pass {
    Secret authorization;
    std::uint64_t generation = 0;
};

/** Thread-safe; while one thread fetches a token, the others wait for it. */
class Access {
public:
    Access(Http & http, Url base, const Location & location, Logins logins, RegistryLimits limits);

    /** The pass for `repository` as far as it is known; a token that has run out is renewed. @throws FailedTry */
    [[nodiscard]] Pass current(const std::string & repository, const std::stop_token & stop);
    /** The registry took the pass. */
    void accepted(const std::string & repository, std::uint64_t generation);
    /**
     * The registry answered 401 or 403. True: current() has something better now.
     * @throws FailedTry when the token server fails, or must not be asked
     */
    [[nodiscard]] bool refused(const std::string & repository, std::uint64_t generation, const HttpResponse & response,
                               const std::stop_token & stop);
    /** From now on a registry that refuses anonymous access is shown the login at once: anonymous tokens prove nothing.
     */
    void prove_login() { proves_login_ = true; }
    /** The end of a sentence on a refusal, and what to do. */
    [[nodiscard]] FailedTry denial(const std::string & repository, long status) const;
    [[nodiscard]] bool used_credentials() const;

private:
    enum class Stage { nothing, token, login };
    struct State {
        Stage stage = Stage::nothing;
        std::optional<Url> realm; ///< where tokens come from; none: Basic
        std::string service;
        Reach registry_reach = Reach::world;
        Secret authorization;
        const Credentials * shown = nullptr; ///< for the token: whose; null: nobody's
        std::optional<std::chrono::steady_clock::time_point> renew_at;
        bool proven = false;
        std::uint64_t generation = 0;
    };

    void remember_realm(State & state, const Challenge & challenge, const HttpResponse & response) const;
    [[nodiscard]] bool fetch_token(State & state, const std::string & repository, const Credentials * login,
                                   const std::stop_token & stop) const;
    [[nodiscard]] bool enter_as_anybody(State & state, const std::string & repository, const HttpResponse & response,
                                        const std::stop_token & stop) const;
    void use_basic(State & state, const Credentials & login) const;
    [[nodiscard]] bool log_in(State & state, const std::string & repository, bool by_basic,
                              const std::stop_token & stop) const;
    [[nodiscard]] bool may_see_credentials(const Url & realm) const;
    [[nodiscard]] bool is_own_word(const std::string & host) const;

    Http & http_;
    Url base_;
    AuthMethod method_;
    std::vector<std::string> token_hosts_;
    Logins logins_;
    RegistryLimits limits_;
    mutable std::mutex mutex_;
    std::map<std::string, State> states_;
    bool used_credentials_ = false;
    bool proves_login_ = false;
};

} // namespace shifter::registry
