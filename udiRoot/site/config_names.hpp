/**
 * @file
 * What the name of a key tells: which known one was meant, and whether a mistake in it could open something (H3-5).
 */
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shifter {

/** "; is X meant?" for the known name that is nearest to a mistyped one; empty when none is near. */
[[nodiscard]] std::string suggest_name(const std::vector<std::string_view> & known, std::string_view mistyped);

/** Names that suggest security (allow…, …ACL…, …Path, in any case) stay fatal when they are unknown. */
[[nodiscard]] bool could_grant(std::string_view key);

/** 1 to 64 letters, digits and . _ + -, and neither "." nor "..": it becomes a directory in the container. */
[[nodiscard]] bool is_module_name(std::string_view name);

} // namespace shifter
