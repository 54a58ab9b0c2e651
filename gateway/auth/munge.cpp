#include "auth/account_cache.hpp"
#include "auth/credential.hpp"
#include "base/error.hpp"

#include <cstdlib>
#include <cstring>
#include <munge.h>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <unistd.h>

namespace shifter::auth {

namespace {

constexpr std::size_t most_credential_bytes = 256U << 10U; // base64 of the largest payload, with room

struct DestroyContext {
    void operator()(munge_ctx_t context) const noexcept { munge_ctx_destroy(context); }
};
using Context = std::unique_ptr<std::remove_pointer_t<munge_ctx_t>, DestroyContext>;

/** A context for one call: contexts are not for two threads, nor for encoding and decoding both (munge.h). */
Context make_context(const std::string & socket) {
    Context context{munge_ctx_create()};
    if (!context) throw Error{"cannot talk to munged: out of memory"};
    if (!socket.empty() && munge_ctx_set(context.get(), MUNGE_OPT_SOCKET, socket.c_str()) != EMUNGE_SUCCESS) {
        throw Error{"cannot use " + shifter::quoted(socket) + " as the socket of munged"};
    }
    return context;
}

std::string socket_name(const std::string & socket) {
    return socket.empty() ? "its default socket" : shifter::quoted(socket);
}

std::string encode(munge_ctx_t context, std::string_view payload, const std::string & socket) {
    char * text = nullptr;
    const munge_err_t result = munge_encode(&text, context, payload.data(), static_cast<int>(payload.size()));
    const std::unique_ptr<char, decltype(&std::free)> owner{text, &std::free};
    if (result == EMUNGE_SOCKET) {
        throw Unavailable{"cannot get a credential: munged does not answer on " + socket_name(socket) +
                          "; is it running?"};
    }
    if (result != EMUNGE_SUCCESS)
        throw Error{std::string{"cannot get a credential from munged: "} + munge_strerror(result)};
    return text;
}

/** What munged says of a credential. The payload is cleared when it goes. */
struct Decoded {
    munge_err_t result = EMUNGE_SNAFU;
    std::string payload;
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);

    Decoded() = default;
    Decoded(Decoded &&) = default;
    Decoded & operator=(Decoded &&) = delete;
    ~Decoded() { ::explicit_bzero(payload.data(), payload.size()); }
};

Decoded decode(munge_ctx_t context, std::string_view credential) {
    Decoded decoded;
    void * payload = nullptr;
    int size = 0;
    const std::string text{credential};
    decoded.result = munge_decode(text.c_str(), context, &payload, &size, &decoded.uid, &decoded.gid);
    if (payload != nullptr) {
        if (size > 0) decoded.payload.assign(static_cast<const char *>(payload), static_cast<std::size_t>(size));
        ::explicit_bzero(payload, static_cast<std::size_t>(size));
        std::free(payload);
    }
    return decoded;
}

/** When the credential that the context has decoded expires. */
std::chrono::sys_seconds end_of(munge_ctx_t context) {
    int seconds = 0;
    std::time_t encoded = 0;
    if (munge_ctx_get(context, MUNGE_OPT_TTL, &seconds) != EMUNGE_SUCCESS ||
        munge_ctx_get(context, MUNGE_OPT_ENCODE_TIME, &encoded) != EMUNGE_SUCCESS)
        throw Error{"cannot ask munged when a credential expires"};
    return std::chrono::sys_seconds{std::chrono::seconds{encoded + seconds}};
}

/** A credential is one line of base64; anything else is not worth munged's time. */
bool looks_like_credential(std::string_view text) noexcept {
    return text.size() <= most_credential_bytes && text.substr(0, 6) == "MUNGE:" &&
           text.find('\0') == std::string_view::npos;
}

/** Why munged refused. Its detailed text may quote paths of the gateway host, so the short one is shown. */
std::string refusal(munge_err_t result) {
    switch (result) {
    case EMUNGE_CRED_EXPIRED:
        return "the MUNGE credential has expired; do the clocks of this host and the gateway agree?";
    case EMUNGE_CRED_REWOUND:
        return "the MUNGE credential is from the future; do the clocks of this host and the gateway agree?";
    case EMUNGE_CRED_REPLAYED:
        return "the MUNGE credential was used before; each request needs a fresh one";
    case EMUNGE_CRED_INVALID:
        return "the MUNGE credential is not valid here; do this host and the gateway share a key?";
    default:
        return std::string{"the MUNGE credential is refused: "} + munge_strerror(result);
    }
}

std::string payload_of(const AuthorizedLocations & locations) {
    if (locations.empty()) return {};
    try {
        return nlohmann::json{{"authorized_locations", locations}}.dump();
    } catch (const nlohmann::json::exception &) { // its text would quote the password
        throw Error{"cannot send a stored login: it is not UTF-8 text; log in again"};
    }
}

class MungeAuthenticator : public Authenticator {
public:
    MungeAuthenticator(std::string socket, std::shared_ptr<AccountCache> accounts)
        : socket_{std::move(socket)}, accounts_{std::move(accounts)} {}

    Caller authenticate(std::string_view header) override {
        if (!looks_like_credential(header)) throw Error{"the request has no MUNGE credential"};
        const Context context = make_context(socket_);
        const Decoded decoded = decode(context.get(), header);
        if (decoded.result == EMUNGE_SOCKET || decoded.result == EMUNGE_TIMEOUT || decoded.result == EMUNGE_NO_MEMORY) {
            throw Unavailable{"cannot check the credential: munged does not answer on the gateway host"};
        }
        if (decoded.result != EMUNGE_SUCCESS) throw Error{refusal(decoded.result)};
        Caller caller;
        caller.identity.uid = decoded.uid;
        caller.identity.gid = decoded.gid;
        if (auto account = accounts_->find(decoded.uid)) {
            caller.name = std::move(account->name);
            caller.identity.groups = std::move(account->identity.groups);
        } else {
            caller.name = "uid " + std::to_string(decoded.uid);
        }
        caller.locations = parse_locations(decoded.payload);
        caller.credential_expires = end_of(context.get());
        return caller;
    }

private:
    std::string socket_;
    std::shared_ptr<AccountCache> accounts_;
};

} // namespace

std::string make_credential(const AuthorizedLocations & locations, const std::string & socket) {
    std::string payload = payload_of(locations);
    std::string credential = encode(make_context(socket).get(), payload, socket);
    ::explicit_bzero(payload.data(), payload.size());
    return credential;
}

std::string seal(std::string_view text, const std::string & socket) {
    const Context context = make_context(socket);
    // munged itself then refuses to open it for another uid (H9-11).
    if (munge_ctx_set(context.get(), MUNGE_OPT_UID_RESTRICTION, ::geteuid()) != EMUNGE_SUCCESS) {
        throw Error{"cannot seal a credential for this user alone"};
    }
    return encode(context.get(), text, socket);
}

std::optional<std::string> unseal(std::string_view credential, uid_t own_uid, const std::string & socket) {
    if (!looks_like_credential(credential)) return std::nullopt;
    const Context context = make_context(socket);
    Decoded decoded = decode(context.get(), credential);
    if (decoded.result == EMUNGE_SOCKET) {
        throw Unavailable{"cannot read a stored login: munged does not answer on " + socket_name(socket) +
                          "; is it running?"};
    }
    // Stored long ago, and read many times: both are what this is for (contract 9.4).
    const bool genuine = decoded.result == EMUNGE_SUCCESS || decoded.result == EMUNGE_CRED_EXPIRED ||
                         decoded.result == EMUNGE_CRED_REPLAYED || decoded.result == EMUNGE_CRED_REWOUND;
    if (!genuine || decoded.uid != own_uid) return std::nullopt;
    return std::move(decoded.payload);
}

std::unique_ptr<Authenticator> munge_authenticator(const std::string & socket, std::shared_ptr<AccountCache> accounts) {
    return std::make_unique<MungeAuthenticator>(socket, std::move(accounts));
}

} // namespace shifter::auth
