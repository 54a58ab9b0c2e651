/**
 * @file
 * The line grammar of udiRoot.conf: `key = value`, comments in column 1, `\` continues. Contract 3.2, H3-4.
 */
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shifter {

/** One assignment; `number` is the line where it begins. Key and value are trimmed; pieces are joined by one blank. */
struct ConfigLine {
    unsigned number = 0;
    std::string key;
    std::string value;
};

/** Something that is no assignment. */
struct ConfigLineProblem {
    unsigned number = 0;
    bool is_error = true; ///< else the line is left out, as deployed Shifter did
    std::string what;
};

struct ConfigLines {
    std::vector<ConfigLine> lines;
    std::vector<ConfigLineProblem> problems;
};

/** Takes any text. At most 100 problems are kept. */
[[nodiscard]] ConfigLines read_config_lines(std::string_view text);

} // namespace shifter
