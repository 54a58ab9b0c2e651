#include "service/one_use.hpp"

#include "oci/sha256.hpp"

namespace shifter::service {

namespace {

class OneUseAuthenticator : public auth::Authenticator {
public:
    OneUseAuthenticator(std::unique_ptr<auth::Authenticator> inner, catalog::Catalog & catalog)
        : inner_{std::move(inner)}, catalog_{catalog} {}

    auth::Caller authenticate(std::string_view header) override {
        auth::Caller caller = inner_->authenticate(header);
        if (!is_new(header, caller))
            throw Error{"the MUNGE credential was used before; each request needs a fresh one"};
        return caller;
    }

private:
    /** A catalog that is in trouble has refused nobody. */
    bool is_new(std::string_view header, const auth::Caller & caller) {
        try {
            return catalog_.use_once(oci::digest_of(header).hex(), caller.credential_expires);
        } catch (const Error & error) {
            throw auth::Unavailable{error.what()};
        }
    }

    std::unique_ptr<auth::Authenticator> inner_;
    catalog::Catalog & catalog_;
};

} // namespace

std::unique_ptr<auth::Authenticator> one_use_authenticator(std::unique_ptr<auth::Authenticator> inner,
                                                           catalog::Catalog & catalog) {
    return std::make_unique<OneUseAuthenticator>(std::move(inner), catalog);
}

} // namespace shifter::service
