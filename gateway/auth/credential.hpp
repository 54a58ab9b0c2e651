/**
 * @file
 * Who asks, as MUNGE says it (I32). Client: a fresh credential for each request. Service: the credential becomes a
 * Caller.
 */
#pragma once

#include "base/error.hpp"
#include "base/identity.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace shifter::auth {

class AccountCache;

/** Registry credentials that travel inside the MUNGE payload: location name → "user:password" (contract 7.1). */
using AuthorizedLocations = std::map<std::string, std::string>;

/** Who sent a request. Names and groups come from the gateway host's account database. */
struct Caller {
    Identity identity;
    std::string name; ///< "uid 1234" when the account database does not know him
    AuthorizedLocations locations;
    std::chrono::sys_seconds credential_expires{}; ///< from then on MUNGE itself refuses the credential
};

/** munged does not answer: nobody was refused, and another try may work. The service answers 503, not 401. */
class Unavailable : public Error {
public:
    using Error::Error;
};

/** Client: a credential for one request. `socket` empty: munged's default. @throws Error */
[[nodiscard]] std::string make_credential(const AuthorizedLocations & locations, const std::string & socket = {});

/** Client: keeps text so that only this uid's own programs, with munged's help, read it back (contract 9.4). */
[[nodiscard]] std::string seal(std::string_view text, const std::string & socket = {});
/** The text of seal(), also when expired or decoded before; nothing when it was sealed by another uid. */
[[nodiscard]] std::optional<std::string> unseal(std::string_view credential, uid_t own_uid,
                                                const std::string & socket = {});

/** Service: turns the header of a request into a Caller. One for each system, since each may have its own munged. */
class Authenticator {
public:
    virtual ~Authenticator() = default;
    /** @throws Error for an expired, replayed, malformed or foreign credential, Unavailable; no sentence has secrets.
     */
    [[nodiscard]] virtual Caller authenticate(std::string_view header) = 0;
};

[[nodiscard]] std::unique_ptr<Authenticator> munge_authenticator(const std::string & socket,
                                                                 std::shared_ptr<AccountCache> accounts);
/** Contract 7.1, `Authentication: mock`: "good:user:group[:token[:uid:gid]]". For tests; the service refuses it unless
 * it listens on loopback. */
[[nodiscard]] std::unique_ptr<Authenticator> mock_authenticator();

/** The payload's JSON as locations; what is not such JSON gives none (contract 7.1). At most 64 KiB. */
[[nodiscard]] AuthorizedLocations parse_locations(std::string_view payload);

} // namespace shifter::auth
