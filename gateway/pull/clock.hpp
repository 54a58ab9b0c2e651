/**
 * @file
 * The wall clock as the catalog writes it down.
 */
#pragma once

#include "catalog/types.hpp"

#include <chrono>

namespace shifter::pull {

[[nodiscard]] inline catalog::Time now() {
    return std::chrono::floor<catalog::Time::duration>(std::chrono::system_clock::now());
}

} // namespace shifter::pull
