/**
 * @file
 * Where the proxies are. A connection to a proxy says nothing about the host behind it, so address_rules must be able
 * to tell the two apart, also where no_proxy makes exceptions.
 */
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shifter::registry {

/** Address in text, and port. */
using ProxyAddress = std::pair<std::string, std::uint16_t>;

/** Of `configured` (a proxy as libcurl takes it), or, when that is empty, of the environment's proxies. Looks names up.
 */
[[nodiscard]] std::vector<ProxyAddress> proxy_addresses(const std::string & configured);

} // namespace shifter::registry
