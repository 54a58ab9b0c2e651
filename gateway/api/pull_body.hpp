/**
 * @file
 * The body of a pull request. Contract 7.3: {"allowed_uids":"1001,1002","allowed_gids":"500"}, or nothing.
 */
#pragma once

#include "base/expected.hpp"
#include "site/acl.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace shifter::api {

struct PullBody {
    Acl readers;                        ///< both lists empty: none were named
    std::optional<std::int64_t> follow; ///< "follow": the number of the pull that this client is waiting for
};

/**
 * Reads the body whole or not at all: a list that is only partly numbers must never become a shorter or an empty list,
 * since an empty one says "public" (I34). Unknown keys are ignored. At most 64 KiB and 10,000 numbers.
 */
[[nodiscard]] Expected<PullBody> parse_pull_body(std::string_view body);

} // namespace shifter::api
