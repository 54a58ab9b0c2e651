#include "site/string_list.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace shifter {
namespace {

/** Appends a code point as UTF-8. Surrogates, NUL and what lies beyond Unicode are not characters of a word. */
bool append_utf8(std::string & out, std::uint32_t point) {
    const auto byte = [](std::uint32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
    if (point == 0 || (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff) return false;
    if (point < 0x80) {
        out += byte(point);
    } else if (point < 0x800) {
        out += byte(0xc0U | point >> 6U);
        out += byte(0x80U | (point & 0x3fU));
    } else if (point < 0x10000) {
        out += byte(0xe0U | point >> 12U);
        out += byte(0x80U | (point >> 6U & 0x3fU));
        out += byte(0x80U | (point & 0x3fU));
    } else {
        out += byte(0xf0U | point >> 18U);
        out += byte(0x80U | (point >> 12U & 0x3fU));
        out += byte(0x80U | (point >> 6U & 0x3fU));
        out += byte(0x80U | (point & 0x3fU));
    }
    return true;
}

class Reader {
public:
    explicit Reader(std::string_view text) : text_{text} {}

    [[nodiscard]] std::size_t position() const noexcept { return position_; }
    [[nodiscard]] bool at_end() const noexcept { return position_ == text_.size(); }
    [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : text_[position_]; }
    bool take(char c) noexcept {
        if (at_end() || text_[position_] != c) return false;
        ++position_;
        return true;
    }
    void skip_blanks() noexcept {
        while (peek() == ' ' || peek() == '\t') ++position_;
    }

    /** The string at the current position, or nothing with `why` set. */
    std::optional<std::string> string() {
        if ((peek() == 'u' || peek() == 'U') && position_ + 1 < text_.size()) ++position_;
        const char quote = peek();
        if (quote != '\'' && quote != '"') return refuse("a string in quotes is expected");
        ++position_;
        std::string result;
        while (!take(quote)) {
            if (at_end()) return refuse("a string does not end");
            const char c = text_[position_++];
            if (c == '\0') return refuse("a string holds a NUL");
            if (c != '\\') {
                result += c;
            } else if (!escape(result)) {
                return refuse("an escape is not one of Python's or JSON's, or gives no character");
            }
        }
        return result;
    }

    std::string why;

private:
    std::nullopt_t refuse(std::string reason) {
        why = std::move(reason);
        return std::nullopt;
    }

    std::optional<std::uint32_t> number(unsigned base, std::size_t min_digits, std::size_t max_digits) {
        std::uint32_t value = 0;
        std::size_t digits = 0;
        for (; digits < max_digits && !at_end(); ++digits, ++position_) {
            const char c = peek();
            unsigned digit = base;
            if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
            if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a') + 10;
            if (c >= 'A' && c <= 'F') digit = static_cast<unsigned>(c - 'A') + 10;
            if (digit >= base) break;
            value = value * base + digit;
        }
        if (digits < min_digits) return std::nullopt;
        return value;
    }

    bool escape(std::string & out) {
        constexpr std::string_view letters = "\\'\"/abfnrtv";
        constexpr std::string_view meaning = "\\'\"/\a\b\f\n\r\t\v";
        const char c = peek();
        if (const std::size_t known = letters.find(c); known != std::string_view::npos && !at_end()) {
            ++position_;
            out += meaning[known];
            return true;
        }
        std::optional<std::uint32_t> point;
        if (c >= '0' && c <= '7') {
            point = number(8, 1, 3);
        } else if (take('x')) {
            point = number(16, 2, 2);
        } else if (take('U')) {
            point = number(16, 8, 8);
        } else if (take('u')) {
            point = number(16, 4, 4);
            // JSON writes characters beyond U+FFFF as two escapes.
            if (point && *point >= 0xd800 && *point <= 0xdbff && take('\\') && take('u')) {
                const auto low = number(16, 4, 4);
                if (!low || *low < 0xdc00 || *low > 0xdfff) return false;
                point = 0x10000U + ((*point - 0xd800U) << 10U) + (*low - 0xdc00U);
            }
        }
        return point && append_utf8(out, *point);
    }

    std::string_view text_;
    std::size_t position_ = 0;
};

} // namespace

Expected<std::vector<std::string>> parse_string_list(std::string_view text) {
    Reader reader{text};
    const auto refuse = [&](const std::string & what) {
        return ParseError{reader.position(), "it is not a list of strings: " + what};
    };
    if (!reader.take('[')) return refuse("it does not begin with [");
    std::vector<std::string> words;
    reader.skip_blanks();
    while (!reader.take(']')) {
        auto word = reader.string();
        if (!word) return refuse(reader.why);
        words.push_back(std::move(*word));
        reader.skip_blanks();
        const bool more = reader.take(',');
        reader.skip_blanks();
        if (!more && reader.peek() != ']') return refuse("a comma or ] is expected");
    }
    if (!reader.at_end()) return refuse("something follows the ]");
    return words;
}

Expected<std::string> parse_quoted_string(std::string_view text) {
    Reader reader{text};
    auto word = reader.string();
    if (!word) return ParseError{reader.position(), reader.why};
    if (!reader.at_end()) return ParseError{reader.position(), "something follows the string"};
    return std::move(*word);
}

std::string format_quoted_string(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string result = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            result += "\\u00";
            result += hex[byte >> 4U];
            result += hex[byte & 0xfU];
        } else {
            result += c;
        }
    }
    return result + '"';
}

std::string format_string_list(const std::vector<std::string> & words) {
    const auto is_plain = [](const std::string & word) {
        return std::all_of(word.begin(), word.end(), [](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return byte >= 0x20 && byte != 0x7f && c != '\'' && c != '\\';
        });
    };
    const bool plain = std::all_of(words.begin(), words.end(), is_plain);
    std::vector<std::string> literals;
    literals.reserve(words.size());
    for (const std::string & word : words) literals.push_back(plain ? "'" + word + "'" : format_quoted_string(word));
    return "[" + text::join(literals, ", ") + "]";
}

} // namespace shifter
