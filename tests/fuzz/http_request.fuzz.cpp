// A request as the API sees it. Input: a letter for the method, the target, a line with the credential and after a tab
// the caller's machine, and the body:
//   G/api/lookup/alpha/docker/org%2Fapp:1/\ngood:ann:ann::1001:1001<tab>aarch64\n{"allowed_uids":"1"}
// What must hold: an answer is in the form of contract 7.2; nothing but open routes succeeds without a credential
// (I32); a private image is seen by its owner alone (I33); percent-encoding is undone exactly; a body's readers are
// whole (I34).
#include "api/pull_body.hpp"
#include "unit/api/gateway_under_test.hpp"

#include <cstdint>
#include <cstdlib>

using namespace shifter;
using namespace shifter::api;

namespace {

/** One public image, and one of uid 1001 alone, there for two platforms. Pulls are answered and not queued, so that
 * nothing grows. */
class Target {
public:
    Target() {
        gateway_.settings.systems["alpha"].more_platforms = {*Platform::parse("linux/arm64")};
        (void)gateway_.publish(testing::samples::key, 'a');
        (void)gateway_.publish({"alpha", ImageType::docker, "org/secret:1"}, 'b', 1001, true);
        (void)gateway_.publish({"alpha", ImageType::docker, "org/secret:1 linux/arm64"}, 'b', 1001, true);
        log::set_level(log::Level::error);
        Api::Parts parts{
            .settings = gateway_.settings, .catalog = *gateway_.catalog, .submit = {}, .authenticators = {}, .now = [] {
                return testing::samples::noon;
            }};
        parts.submit = [](const catalog::ImageKey & key, const auth::Caller & caller, const Acl & readers) {
            catalog::Pull pull;
            pull.key = key;
            pull.requester = caller.identity.uid;
            pull.requested_acl = readers;
            return catalog::Enqueued{std::move(pull), true};
        };
        parts.authenticators["alpha"] = auth::mock_authenticator();
        parts.authenticators["beta"] = auth::mock_authenticator();
        api_ = std::make_unique<Api>(std::move(parts));
    }
    Response handle(const Request & request) { return api_->handle(request); }

private:
    testing::Gateway gateway_;
    std::unique_ptr<Api> api_;
};

void require(bool holds) {
    if (!holds) std::abort();
}

std::string_view take_line(std::string_view & rest) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    return line;
}

bool is_open(const std::string & target) {
    for (const Route & route : Api::routes())
        if (route.access == Access::open && match_path(route.pattern, target)) return true;
    return false;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    static Target target;
    std::string_view rest{reinterpret_cast<const char *>(data), size};
    Request request;
    request.peer = "127.0.0.1";
    request.id = "1";
    std::string_view line = take_line(rest);
    request.method = line.empty() || line.front() == 'G' ? Method::get
                     : line.front() == 'P'               ? Method::post
                                                         : Method::other;
    if (!line.empty()) line.remove_prefix(1);
    request.target = line;
    line = take_line(rest);
    const std::string header{line.substr(0, line.find('\t'))};
    if (!header.empty()) request.headers.emplace_back("authentication", header);
    if (header.size() < line.size()) request.headers.emplace_back("shifter-machine", line.substr(header.size() + 1));
    request.body = rest;

    const Response response = target.handle(request);
    require(reason_phrase(response.status) != "Error");
    if (std::string_view{response.content_type} == json_type) {
        const auto json = nlohmann::json::parse(response.body, nullptr, false);
        require(!json.is_discarded());
        if (response.status != 200)
            require(json["status"] == response.status && json["error"].is_string() && json["message"].is_string());
    }
    // "good:NAME:GROUP:TOKEN:UID:GID", or an account of this host: somebody, whom only the mock believes.
    if (header.substr(0, 5) != "good:" && response.status == 200) require(is_open(request.target));
    const bool is_owner = header.find(":1001:") != std::string::npos;
    if (!is_owner && request.target.find("bbbbbb") == std::string::npos)
        require(response.body.find(std::string(64, 'b')) == std::string::npos);

    if (const auto decoded = percent_decode(request.target))
        require(*percent_decode(percent_encode(*decoded)) == *decoded);
    if (const auto readers = parse_pull_body(request.body)) {
        for (const uid_t uid : readers->users) require(uid != 0 && uid != static_cast<uid_t>(-1));
    }
    return 0;
}
