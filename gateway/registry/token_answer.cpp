#include "registry/token_answer.hpp"

#include "oci/json_limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace shifter::registry {
namespace {

bool is_header_text(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

} // namespace

Expected<TokenAnswer> parse_token_answer(std::string_view json, const oci::DocumentLimits & limits) {
    constexpr std::size_t max_token = std::size_t{64} << 10U;
    if (auto refusal = oci::refuse_json(json, limits)) return *std::move(refusal);
    const auto document = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
    if (!document.is_object()) return ParseError{0, "it is not a JSON object"};
    TokenAnswer answer;
    for (const char * const name : {"token", "access_token"}) {
        const auto place = document.find(name);
        if (place == document.end() || !place->is_string()) continue;
        const auto & text = place->get_ref<const std::string &>();
        if (text.empty()) continue;
        if (text.size() > max_token || !is_header_text(text)) return ParseError{0, "its token cannot be a header"};
        answer.token = Secret{text};
        break;
    }
    if (answer.token.empty()) return ParseError{0, "it has no token"};
    if (const auto place = document.find("expires_in"); place != document.end() && place->is_number_unsigned()) {
        constexpr std::uint64_t one_day = 86400;
        answer.lifetime = std::chrono::seconds{std::min(place->get<std::uint64_t>(), one_day)};
    }
    return answer;
}

} // namespace shifter::registry
