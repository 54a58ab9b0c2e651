#include "slurm-plugin/node_list.hpp"

#include "base/text.hpp"

namespace shifter::slurm_plugin {

std::optional<std::vector<unsigned>> parse_counts(std::string_view text) {
    constexpr std::size_t max_nodes = std::size_t{1} << 17U;
    std::vector<unsigned> counts;
    for (std::string_view word : text::split(text, ',')) {
        std::optional<std::size_t> times = 1;
        if (const std::size_t brace = word.find('('); brace != std::string_view::npos) {
            if (word.size() < brace + 4 || word[brace + 1] != 'x' || word.back() != ')') return std::nullopt;
            times = text::parse_unsigned<std::size_t>(word.substr(brace + 2, word.size() - brace - 3));
            word = word.substr(0, brace);
        }
        const auto count = text::parse_unsigned<unsigned>(word);
        if (!count || !times || *times == 0 || *times > max_nodes - counts.size()) return std::nullopt;
        counts.insert(counts.end(), *times, *count);
    }
    return counts;
}

std::string hosts_words(const std::vector<std::string> & nodes, const std::vector<unsigned> & counts) {
    if (nodes.size() != counts.size()) return {};
    std::string words;
    std::size_t file_size = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (counts[i] == 0) return {};
        file_size += (nodes[i].size() + 1) * counts[i];
        if (file_size > max_hosts_file) return {};
        words += (words.empty() ? "" : " ") + nodes[i] + "/" + std::to_string(counts[i]);
    }
    return words;
}

} // namespace shifter::slurm_plugin
