#include "api/pull_body.hpp"

#include "base/text.hpp"
#include "oci/json_limits.hpp"

#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

namespace shifter::api {
namespace {

constexpr std::size_t max_body_bytes = 64U << 10U;
constexpr std::size_t max_numbers = 10'000;

/** Strictly "1,2,3"; 0 and -1 are no readers, and an empty text is an empty list, as clients send it. */
Expected<std::vector<std::uint32_t>> parse_numbers(const nlohmann::json & value, const std::string & key) {
    if (!value.is_string()) return ParseError{0, key + " is not a text of numbers with commas between"};
    std::vector<std::uint32_t> numbers;
    const auto & text = value.get_ref<const std::string &>();
    if (text.empty()) return numbers;
    for (const std::string_view piece : text::split(text, ',')) {
        const auto number = text::parse_unsigned<std::uint32_t>(text::trim(piece));
        if (!number) return ParseError{0, key + ": " + quoted(piece) + " is not a number"};
        if (*number == 0 || *number == std::numeric_limits<std::uint32_t>::max())
            return ParseError{0, key + ": " + quoted(piece) + " is nobody's to be given"};
        numbers.push_back(*number);
        if (numbers.size() > max_numbers) return ParseError{0, key + " has more than 10000 numbers"};
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
}

} // namespace

Expected<Acl> parse_pull_body(std::string_view body) {
    Acl readers;
    if (text::trim(body).empty()) return readers;
    if (body.size() > max_body_bytes) return ParseError{max_body_bytes, "it has more than 64 KiB"};
    oci::DocumentLimits limits;
    limits.max_bytes = max_body_bytes;
    limits.max_depth = 8;
    if (auto refused = oci::refuse_json(body, limits)) return *std::move(refused);
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (!json.is_object()) return ParseError{0, "it is not a JSON object"};
    if (json.contains("allowed_uids")) {
        auto users = parse_numbers(json["allowed_uids"], "allowed_uids");
        if (!users) return users.error();
        readers.users = *std::move(users);
    }
    if (json.contains("allowed_gids")) {
        auto groups = parse_numbers(json["allowed_gids"], "allowed_gids");
        if (!groups) return groups.error();
        readers.groups = *std::move(groups);
    }
    return readers;
}

} // namespace shifter::api
