/**
 * @file
 * Stored registry logins: ~/.udiRoot/.cred. Contract 9.4: a line `<system>:<location>=<MUNGE credential>` each.
 */
#pragma once

#include "auth/credential.hpp"

#include <functional>
#include <optional>
#include <string>

namespace shifter::client {

class CredentialFile {
public:
    /** `home`: of the account database. Nothing is read or made yet. */
    explicit CredentialFile(const std::string & home) : directory_{home + "/.udiRoot"} {}

    using Unseal = std::function<std::optional<std::string>(std::string_view)>;
    /** The logins of `system` that belong to this user; none when there is no file. @throws Error */
    [[nodiscard]] auth::AuthorizedLocations load(const std::string & system, const Unseal & unseal) const;
    /** Replaces or adds one login. The file is made with mode 0600, and changed whole or not at all (H9-11). */
    void store(const std::string & system, const std::string & location, const std::string & sealed);
    /** @return whether there was one */
    bool remove(const std::string & system, const std::string & location);
    [[nodiscard]] std::string path() const { return directory_ + "/.cred"; }

private:
    [[nodiscard]] std::optional<std::string> read() const;
    void write(const std::string & text) const;

    std::string directory_;
};

} // namespace shifter::client
