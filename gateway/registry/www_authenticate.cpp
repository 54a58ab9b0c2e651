#include "registry/www_authenticate.hpp"

#include "base/text.hpp"

namespace shifter::registry {
namespace {

bool is_token_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos);
}

/** A cursor over the header's text. */
class Reader {
public:
    explicit Reader(std::string_view text) : text_{text} {}

    [[nodiscard]] std::size_t position() const noexcept { return position_; }
    [[nodiscard]] bool at_end() const noexcept { return position_ == text_.size(); }
    bool take(char c) {
        if (at_end() || text_[position_] != c) return false;
        ++position_;
        return true;
    }
    bool skip_blanks() {
        const std::size_t begin = position_;
        while (!at_end() && (text_[position_] == ' ' || text_[position_] == '\t')) ++position_;
        return position_ > begin;
    }
    std::string_view token() {
        const std::size_t begin = position_;
        while (!at_end() && is_token_character(text_[position_])) ++position_;
        return text_.substr(begin, position_ - begin);
    }
    /** After the opening quote; nothing when the text ends first or has a control character. */
    std::optional<std::string> rest_of_quoted() {
        std::string value;
        while (!at_end()) {
            char c = text_[position_++];
            if (c == '"') return value;
            if (c == '\\') {
                if (at_end()) return std::nullopt;
                c = text_[position_++];
            }
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
            value += c;
        }
        return std::nullopt;
    }
    void go_to(std::size_t position) noexcept { position_ = position; }

private:
    std::string_view text_;
    std::size_t position_ = 0;
};

/** `name = value` at the cursor. Nothing read when there is no '=': then the word was the next challenge's scheme. */
Expected<bool> read_parameter(Reader & reader, Challenge & challenge) {
    const std::size_t begin = reader.position();
    const std::string name = text::to_lower(reader.token());
    reader.skip_blanks();
    if (name.empty() || !reader.take('=')) {
        reader.go_to(begin);
        return false;
    }
    reader.skip_blanks();
    std::string value;
    if (reader.take('"')) {
        auto content = reader.rest_of_quoted();
        if (!content)
            return ParseError{reader.position(), "a quoted text in it does not end, or has a control character"};
        value = *std::move(content);
    } else {
        value = reader.token();
        if (value.empty()) return ParseError{reader.position(), "a parameter in it has no value"};
    }
    if (challenge.parameter(name)) return ParseError{begin, "it has the parameter " + quoted(name) + " twice"};
    challenge.parameters.emplace_back(name, value);
    return true;
}

} // namespace

std::optional<std::string> Challenge::parameter(std::string_view name) const {
    for (const auto & [key, value] : parameters)
        if (key == name) return value;
    return std::nullopt;
}

std::string Challenge::to_string() const {
    std::string text = scheme;
    for (const auto & [name, value] : parameters) {
        text += text.size() == scheme.size() ? " " : ", ";
        text += name + "=\"";
        for (const char c : value) {
            if (c == '"' || c == '\\') text += '\\';
            text += c;
        }
        text += '"';
    }
    return text;
}

Expected<std::vector<Challenge>> parse_www_authenticate(std::string_view text) {
    constexpr std::size_t max_length = 8192;
    constexpr std::size_t max_items = 64;
    if (text.size() > max_length) return ParseError{max_length, "it has more than 8192 bytes"};
    std::vector<Challenge> challenges;
    Reader reader{text};
    std::size_t items = 0;
    for (;;) {
        while (reader.skip_blanks() || reader.take(',')) {
        } // empty list elements are allowed (RFC 9110, 5.6.1)
        if (reader.at_end()) break;
        if (++items > max_items) return ParseError{reader.position(), "it has more than 64 parts"};
        if (!challenges.empty()) {
            const auto parameter = read_parameter(reader, challenges.back());
            if (!parameter) return parameter.error();
            if (*parameter) {
                reader.skip_blanks();
                if (!reader.at_end() && !reader.take(','))
                    return ParseError{reader.position(), "its parameters are not separated by commas"};
                continue;
            }
        }
        const std::string scheme = text::to_lower(reader.token());
        if (scheme.empty()) return ParseError{reader.position(), "a character in it has no place there"};
        if (!reader.skip_blanks() && !reader.at_end() && !reader.take(','))
            return ParseError{reader.position(), "the name of a scheme in it does not end"};
        challenges.push_back(Challenge{scheme, {}});
    }
    if (challenges.empty()) return ParseError{0, "it is empty"};
    return challenges;
}

} // namespace shifter::registry
