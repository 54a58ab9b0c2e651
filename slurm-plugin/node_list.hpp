/**
 * @file
 * The nodes of a job and their processors, as setupRoot -N takes them for /var/hostsfile. Contract 5.8 and 10.5.
 */
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::slurm_plugin {

/** How large /var/hostsfile may become; it is written into the memory of each node. */
inline constexpr std::size_t max_hosts_file = std::size_t{4} << 20U;

/** Slurm's words for one number a node: "4(x2),2" is 4, 4, 2; nothing for any other text, or for too many nodes. */
[[nodiscard]] std::optional<std::vector<unsigned>> parse_counts(std::string_view text);

/** "n1/4 n2/2"; empty where the two do not fit together, or the file would be larger than max_hosts_file. */
[[nodiscard]] std::string hosts_words(const std::vector<std::string> & nodes, const std::vector<unsigned> & counts);

} // namespace shifter::slurm_plugin
