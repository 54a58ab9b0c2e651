#include "client/accounts.hpp"

#include "auth/accounts.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

#include <functional>
#include <limits>
#include <optional>

namespace shifter::client {
namespace {

using Find = std::function<std::optional<std::uint32_t>(const std::string &)>;

/** A misspelt reader must not become no reader, since no reader at all means "whoever may". */
std::vector<std::uint32_t> parse(std::string_view list, const std::string & kind, const Find & find) {
    std::vector<std::uint32_t> numbers;
    for (const std::string_view piece : text::split(list, ',')) {
        const std::string name{text::trim(piece)};
        if (name.empty()) throw Error{"--" + kind + " " + quoted(list) + " names nobody between two commas"};
        auto number = find(name);
        if (!number) number = text::parse_unsigned<std::uint32_t>(name);
        if (!number || *number == std::numeric_limits<std::uint32_t>::max())
            throw Error{"there is no " + kind + " " + quoted(name) + "; nothing was pulled"};
        if (*number == 0)
            throw Error{"--" + kind + " cannot name " + quoted(name) + ": 0 is not a reader; nothing was pulled"};
        numbers.push_back(*number);
    }
    return numbers;
}

} // namespace

std::vector<std::uint32_t> parse_users(std::string_view list) {
    return parse(list, "user", [](const std::string & name) -> std::optional<std::uint32_t> {
        const auto account = auth::find_account(name);
        return account ? std::optional{account->identity.uid} : std::nullopt;
    });
}

std::vector<std::uint32_t> parse_groups(std::string_view list) {
    return parse(list, "group", [](const std::string & name) { return auth::find_group(name); });
}

std::string user_name(std::uint32_t uid) {
    const auto account = auth::find_account(uid_t{uid});
    return account ? account->name : std::to_string(uid);
}

} // namespace shifter::client
