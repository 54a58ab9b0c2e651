/**
 * @file
 * Where the answer of a registry may lead (I29). A redirect or a token realm is an address that a stranger names, and
 * the gateway stands inside the site: it must not be talked into asking the site's own services for things.
 *
 * Rule: an answer may lead to the world; a registry inside the site (RFC 1918, RFC 6598, fc00::/7) may also lead to
 * the site; one on this machine to the site and this machine; and link-local addresses, where clouds keep their
 * metadata service, are for registries that have such an address themselves. Hosts that the configuration names
 * are the site's own word and outside this rule.
 */
#pragma once

#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace shifter::registry {

/** `reserved`: no host at all (unspecified, multicast, broadcast); nothing leads there. */
enum class Reach { world, site, machine, link_local, reserved };

[[nodiscard]] Reach reach_of(const sockaddr & address) noexcept;
/** For an IPv4 or IPv6 address in text; nothing for a name. */
[[nodiscard]] std::optional<Reach> reach_of(std::string_view address);
[[nodiscard]] bool may_lead_to(Reach registry, Reach target) noexcept;

} // namespace shifter::registry
