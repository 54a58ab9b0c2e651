/**
 * @file
 * `--mount`, in docker's syntax: `type=bind,src=…,dst=…[,ro]` and `type=tmpfs,dst=…[,size=…]`. It becomes one entry of
 * a volume map, so that the rules of volumes (contract 4) are one set of rules.
 */
#pragma once

#include "base/expected.hpp"

#include <string>
#include <string_view>

namespace shifter::frontend {

/**
 * The entry: "from:to[:ro]" or "tmpfs:to[:ro][:size=…]". Keys in any case and order, each once, with docker's synonyms:
 * source, src; destination, dst, target; readonly, ro; size, tmpfs-size; bind-propagation, of which only private is
 * possible. What docker knows and this does not is refused by name.
 */
[[nodiscard]] Expected<std::string> volume_of_mount_option(std::string_view text);

} // namespace shifter::frontend
