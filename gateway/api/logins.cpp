// Whether a registry takes a login, asked before it is stored (contract 9.4; issue class "did login work?").
#include "api/api.hpp"

#include "pull/source.hpp"

namespace shifter::api {
namespace {

/** A registry that does not answer keeps a thread of the service waiting; so only few at a time. */
constexpr unsigned most_at_a_time = 2;

class Turn {
public:
    explicit Turn(std::atomic<unsigned> & count) : count_{count} {
        if (++count_ > most_at_a_time) {
            --count_;
            throw Refusal{503, "the gateway is checking other logins; try again"};
        }
    }
    ~Turn() { --count_; }
    Turn(const Turn &) = delete;
    Turn & operator=(const Turn &) = delete;

private:
    std::atomic<unsigned> & count_;
};

} // namespace

Response Api::check_login(Call & call) {
    const std::string & location = call.parameters.at("location");
    call.audit = field("location", location) + audit_of_caller(call);
    const auto & name = location == "default" ? parts_.settings.default_location : location;
    if (!pull::location_named(parts_.settings, name))
        throw Refusal{400, "this site does not allow the registry " + shifter::quoted(location)};
    if (call.caller.locations.count(location) == 0)
        throw Refusal{400, "the credential holds no login for " + shifter::quoted(location)};
    if (!parts_.check_login) throw Refusal{501, "this gateway does not check logins"};
    const Turn turn{logins_being_checked_};
    return {.body =
                parts_.check_login(location, call.caller) ? R"({"status":"accepted"})" : R"({"status":"not needed"})"};
}

} // namespace shifter::api
