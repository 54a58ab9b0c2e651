/**
 * @file
 * A number in a shared object, without loading it: a plugin's code is not to be run to learn its version.
 */
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shifter::doctor {

/** The 32-bit value of a dynamic symbol of a 64-bit ELF file in this machine's byte order; nothing when it has none. */
[[nodiscard]] std::optional<std::uint32_t> number_of_symbol(std::string_view file, std::string_view symbol);

} // namespace shifter::doctor
