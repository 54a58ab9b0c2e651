/**
 * @file
 * The body of a pull request. Contract 7.3: {"allowed_uids":"1001,1002","allowed_gids":"500"}, or nothing.
 */
#pragma once

#include "base/expected.hpp"
#include "site/acl.hpp"

#include <string_view>

namespace shifter::api {

/**
 * Whom the caller names as readers; both lists empty: nobody. The body is read whole or not at all: a list that is only
 * partly numbers must never become a shorter or an empty list, since an empty one says "public" (I34). Unknown keys are
 * ignored. At most 64 KiB and 10,000 numbers.
 */
[[nodiscard]] Expected<Acl> parse_pull_body(std::string_view body);

} // namespace shifter::api
