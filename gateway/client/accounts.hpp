/**
 * @file
 * Names and numbers of people and groups, as --user and --group take them.
 */
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::client {

/** A comma list of account names or uids. @throws Error for one that is neither, and for root (H9-2) */
[[nodiscard]] std::vector<std::uint32_t> parse_users(std::string_view list);
[[nodiscard]] std::vector<std::uint32_t> parse_groups(std::string_view list);

/** The account's name, or the number's digits where there is none. */
[[nodiscard]] std::string user_name(std::uint32_t uid);

} // namespace shifter::client
