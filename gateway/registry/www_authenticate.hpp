/**
 * @file
 * What a registry asks for with status 401. Grammar: RFC 9110, section 11.6.1 (WWW-Authenticate); the parameters of
 * Bearer: CNCF distribution, "Token Authentication Specification".
 */
#pragma once

#include "base/expected.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shifter::registry {

struct Challenge {
    std::string scheme;                                          ///< lower-case: "bearer", "basic"
    std::vector<std::pair<std::string, std::string>> parameters; ///< names in lower case, each once

    [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
    /** Parses back to the same value. */
    [[nodiscard]] std::string to_string() const;
    bool operator==(const Challenge &) const = default;
};

/** One header value, which may hold several challenges; at most 8192 bytes. Stricter than the RFC: no token68 form. */
[[nodiscard]] Expected<std::vector<Challenge>> parse_www_authenticate(std::string_view text);

} // namespace shifter::registry
