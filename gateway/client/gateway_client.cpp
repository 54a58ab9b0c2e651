#include "client/gateway_client.hpp"

#include "base/log.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace shifter::client {
namespace {

/** Where the site sets no gatewayTimeout: a dead gateway must not hang a job (9.2). */
constexpr std::chrono::seconds default_timeout{60};

std::string without_slash(std::string url) {
    while (!url.empty() && url.back() == '/') url.pop_back();
    return url;
}

} // namespace

std::string percent_encode(std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain) {
            encoded += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            encoded += '%';
            encoded += hex[byte >> 4U];
            encoded += hex[byte & 0xfU];
        }
    }
    return encoded;
}

std::string reason_in(const std::string & body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (!json.is_object()) return {};
    for (const char * key : {"error", "message"}) {
        const auto found = json.find(key);
        if (found != json.end() && found->is_string() && !found->get_ref<const std::string &>().empty())
            return log::one_line(found->get_ref<const std::string &>());
    }
    return {};
}

GatewayClient::GatewayClient(const SiteConfig & site, Surroundings & around, std::string platform, std::uint32_t seed)
    : around_{around}, gateways_{site.image_gateways}, system_{site.system}, platform_{std::move(platform)},
      timeout_{site.gateway_timeout.count() > 0 ? site.gateway_timeout : default_timeout} {
    if (gateways_.empty()) throw Error{"the site names no image gateway (imageGateway in udiRoot.conf)"};
    if (system_.empty()) throw Error{"the site does not name this system (system in udiRoot.conf)"};
    std::shuffle(gateways_.begin(), gateways_.end(), std::minstd_rand{seed});
}

std::string GatewayClient::get(const std::string & verb, const std::optional<ImageRequest> & image,
                               const std::string & query) {
    std::string path = "/api/" + verb + "/" + percent_encode(system_) + "/";
    if (image) path += std::string{to_string(image->type)} + "/" + percent_encode(image->tag) + "/";
    if (!query.empty()) path += "?" + query;
    return ask(false, path, {}, {});
}

std::string GatewayClient::post(const std::string & verb, const ImageRequest & image, const std::string & body,
                                const auth::AuthorizedLocations & locations, const std::string & query) {
    return ask(true,
               "/api/" + verb + "/" + percent_encode(system_) + "/" + std::string{to_string(image.type)} + "/" +
                   percent_encode(image.tag) + "/" + (query.empty() ? "" : "?" + query),
               body, locations);
}

std::string GatewayClient::get_path(const std::string & verb, const std::string & rest) {
    return ask(false, "/api/" + verb + "/" + percent_encode(system_) + rest, {}, {});
}

std::string GatewayClient::post_path(const std::string & verb, const std::string & rest, const std::string & body,
                                     const auth::AuthorizedLocations & locations) {
    return ask(true, "/api/" + verb + "/" + percent_encode(system_) + rest, body, locations);
}

std::string GatewayClient::ask(bool is_post, const std::string & route, const std::string & body,
                               const auth::AuthorizedLocations & locations) {
    std::string path = route;
    if (!platform_.empty())
        path += (path.find('?') == std::string::npos ? "?" : "&") + ("platform=" + percent_encode(platform_));
    std::vector<std::string> silent;
    std::optional<Answer> refused;
    for (std::size_t i = 0; i < gateways_.size(); ++i) {
        // A credential is good once: each gateway gets its own.
        const std::string credential = around_.make_credential(locations);
        try {
            Answer answer = around_.transport.exchange({.is_post = is_post,
                                                        .url = without_slash(gateways_[i]) + path,
                                                        .credential = credential,
                                                        .machine = platform_.empty() ? around_.machine : "",
                                                        .body = body,
                                                        .timeout = timeout_});
            if (answer.status == 200) {
                std::rotate(gateways_.begin(), gateways_.begin() + static_cast<std::ptrdiff_t>(i),
                            gateways_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
                return std::move(answer.body);
            }
            // Of several refusals the one that says most: "not found" of a gateway that lags behind is the least.
            if (!refused || refused->status == 404) refused = std::move(answer);
        } catch (const NoAnswer & error) {
            silent.push_back(without_slash(gateways_[i]) + " could not be contacted: " + error.what());
        }
    }
    if (!refused) {
        std::string sentence;
        for (const std::string & each : silent) sentence += (sentence.empty() ? "gateway " : "; gateway ") + each;
        throw NoGateway{sentence, false, 0, {}};
    }
    const std::string reason = reason_in(refused->body);
    throw NoGateway{(reason.empty() ? "the gateway refused" : reason) + " (" + std::to_string(refused->status) + ")",
                    true, refused->status, refused->body};
}

} // namespace shifter::client
