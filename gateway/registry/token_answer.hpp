/**
 * @file
 * The answer of a token server. CNCF distribution, "Token Authentication Specification", "Token Response Fields".
 */
#pragma once

#include "base/expected.hpp"
#include "oci/manifest.hpp"
#include "registry/secret.hpp"

#include <chrono>
#include <string_view>

namespace shifter::registry {

struct TokenAnswer {
    Secret token;
    std::chrono::seconds lifetime{60}; ///< the specification's default
};

/** `token`, or `access_token`; visible ASCII without blanks, because it becomes a header. */
[[nodiscard]] Expected<TokenAnswer> parse_token_answer(std::string_view json, const oci::DocumentLimits & limits);

} // namespace shifter::registry
