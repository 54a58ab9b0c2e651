#include "auth/accounts.hpp"
#include "auth/credential.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace shifter::auth {

namespace {

class MockAuthenticator : public Authenticator {
public:
    Caller authenticate(std::string_view header) override {
        const auto parts = text::split(header, ':');
        const bool right_count = parts.size() == 3 || parts.size() == 4 || parts.size() == 6;
        if (!right_count || parts[0] != "good" || parts[1].empty()) {
            throw Error{"the mock credential is not good:user:group[:token[:uid:gid]]"};
        }
        Caller caller;
        caller.name = parts[1];
        if (parts.size() == 6) {
            const auto uid = text::parse_unsigned<uid_t>(parts[4]);
            const auto gid = text::parse_unsigned<gid_t>(parts[5]);
            if (!uid || !gid) throw Error{"the mock credential has a uid or gid that is no number"};
            caller.identity = {*uid, *gid, {}};
        } else {
            const auto account = find_account(caller.name);
            const auto group = find_group(std::string{parts[2]});
            if (!account || !group)
                throw Error{"the mock credential names an account or a group that does not exist here"};
            caller.identity = account->identity;
            caller.identity.gid = *group;
        }
        if (parts.size() > 3 && !parts[3].empty())
            caller.locations.emplace("default", caller.name + ":" + std::string{parts[3]});
        return caller;
    }
};

} // namespace

std::unique_ptr<Authenticator> mock_authenticator() { return std::make_unique<MockAuthenticator>(); }

} // namespace shifter::auth
