#include "site/config_lines.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace shifter {
namespace {

/** Hands out lines without their end, LF or CR LF. */
class Lines {
public:
    explicit Lines(std::string_view text) : rest_{text} {}

    bool next(std::string_view & line) {
        if (rest_.empty()) return false;
        const std::size_t end = std::min(rest_.find('\n'), rest_.size());
        line = rest_.substr(0, end);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        ++number_;
        return true;
    }
    [[nodiscard]] unsigned number() const noexcept { return number_; }

private:
    std::string_view rest_;
    unsigned number_ = 0;
};

bool is_comment(std::string_view line) { return !line.empty() && line.front() == '#'; }

/** Takes the backslash at the end of a line away. */
bool take_backslash(std::string_view & line) {
    if (line.empty() || line.back() != '\\') return false;
    line.remove_suffix(1);
    return true;
}

} // namespace

ConfigLines read_config_lines(std::string_view text) {
    constexpr std::size_t max_problems = 100;
    ConfigLines result;
    const auto report = [&](unsigned number, bool is_error, std::string what) {
        if (result.problems.size() < max_problems) result.problems.push_back({number, is_error, std::move(what)});
    };
    if (text.find('\0') != std::string_view::npos) {
        report(0, true, "it holds a NUL, and is no text");
        return result;
    }
    Lines lines{text};
    for (std::string_view line; lines.next(line);) {
        if (is_comment(line)) continue;
        const unsigned number = lines.number();
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) {
            if (!text::trim(line).empty())
                report(number, false, "the line " + quoted(text::trim(line)) + " has no '=', and is ignored");
            continue;
        }
        ConfigLine entry{number, std::string{text::trim(line.substr(0, equals))}, {}};
        line.remove_prefix(equals + 1);
        bool more = take_backslash(line);
        entry.value = text::trim(line);
        while (more) {
            if (!lines.next(line)) {
                report(number, true, "the file ends where the backslash promises another line");
                break;
            }
            if (is_comment(line)) continue;
            more = take_backslash(line);
            const std::string_view piece = text::trim(line);
            if (!piece.empty() && !entry.value.empty()) entry.value += ' ';
            entry.value += piece;
        }
        if (!entry.value.empty() && entry.value.back() == '\\')
            report(lines.number(), false, "blanks follow the backslash, so that it does not continue the line");
        result.lines.push_back(std::move(entry));
    }
    return result;
}

} // namespace shifter
