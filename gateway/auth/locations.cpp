#include "auth/credential.hpp"

#include <nlohmann/json.hpp>
#include <set>

namespace shifter::auth {

namespace {

using Json = nlohmann::json;

constexpr std::size_t most_payload_bytes = 64U << 10U;
constexpr std::size_t most_locations = 64;
constexpr std::size_t most_name_bytes = 300;
constexpr std::size_t most_value_bytes = 16U << 10U;
constexpr int most_depth = 8;

/** Well-formed, shallow, and no name twice in one object: readers differ in which of two they take (I27). */
std::optional<Json> parse_strictly(std::string_view text) {
    bool refused = false;
    std::vector<std::set<std::string>> names;
    const auto look = [&](int depth, Json::parse_event_t event, Json & parsed) {
        if (depth > most_depth) refused = true;
        if (event == Json::parse_event_t::object_start) names.emplace_back();
        if (event == Json::parse_event_t::object_end) names.pop_back();
        if (event == Json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second) refused = true;
        return true;
    };
    Json json = Json::parse(text, look, false);
    if (refused || json.is_discarded()) return std::nullopt;
    return json;
}

} // namespace

AuthorizedLocations parse_locations(std::string_view payload) {
    if (payload.empty() || payload.size() > most_payload_bytes) return {};
    const auto json = parse_strictly(payload);
    if (!json || !json->is_object()) return {};
    const auto entries = json->find("authorized_locations");
    if (entries == json->end() || !entries->is_object() || entries->size() > most_locations) return {};
    AuthorizedLocations locations;
    for (const auto & [name, value] : entries->items()) {
        if (name.empty() || name.size() > most_name_bytes || !value.is_string()) return {};
        const auto & text = value.get_ref<const std::string &>();
        if (text.size() > most_value_bytes || text.find(':') == std::string::npos) return {};
        if (text.find('\0') != std::string::npos) return {};
        locations.emplace(name, text);
    }
    return locations;
}

} // namespace shifter::auth
