#include "service/document.hpp"

#include <algorithm>
#include <optional>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace shifter::service {
namespace {

constexpr std::size_t max_bytes = 1U << 20U;
constexpr std::size_t max_depth = 32;
constexpr unsigned max_values = 20'000;

/** Thrown through yaml-cpp's parser, so that it stops where a limit is reached. */
struct Refused {
    ParseError error;
};

std::size_t line_of(const YAML::Mark & mark) { return mark.is_null() ? 0 : static_cast<std::size_t>(mark.line) + 1; }

ParseError refusal(const YAML::Mark & mark, const std::string & what) {
    if (mark.is_null()) return {0, what};
    return {static_cast<std::size_t>(mark.pos), "line " + std::to_string(line_of(mark)) + ": " + what};
}

/** Builds values from the parser's events: its own tree would be there before a limit could say no. */
class Builder : public YAML::EventHandler {
public:
    void OnDocumentStart(const YAML::Mark & /*mark*/) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark & mark, YAML::anchor_t /*anchor*/) override { put(mark, Value::Kind::null, {}); }
    void OnAlias(const YAML::Mark & mark, YAML::anchor_t /*anchor*/) override {
        throw Refused{refusal(mark, "aliases are not understood here")};
    }
    void OnScalar(const YAML::Mark & mark, const std::string & tag, YAML::anchor_t /*anchor*/,
                  const std::string & text) override {
        put(mark, tag == "?" ? Value::Kind::plain : Value::Kind::text, text);
    }
    void OnSequenceStart(const YAML::Mark & mark, const std::string & /*tag*/, YAML::anchor_t /*anchor*/,
                         YAML::EmitterStyle::value /*style*/) override {
        open(mark, Value::Kind::list);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark & mark, const std::string & /*tag*/, YAML::anchor_t /*anchor*/,
                    YAML::EmitterStyle::value /*style*/) override {
        open(mark, Value::Kind::object);
    }
    void OnMapEnd() override { close(); }

    [[nodiscard]] Value take() && { return std::move(root_); }

private:
    /** An object or a list whose end has not come; `name` waits for its value. */
    struct Open {
        Value value;
        std::optional<std::string> name;
    };

    void count(const YAML::Mark & mark) {
        if (++values_ > max_values) throw Refused{refusal(mark, "it holds more than 20000 values")};
    }

    void open(const YAML::Mark & mark, Value::Kind kind) {
        count(mark);
        if (open_.size() > max_depth) throw Refused{refusal(mark, "it is nested deeper than 32 levels")};
        if (expects_name()) throw Refused{refusal(mark, "a name is not a text")};
        Open & opened = open_.emplace_back();
        opened.value.kind = kind;
        opened.value.line = line_of(mark);
    }

    void close() {
        Value value = std::move(open_.back().value);
        open_.pop_back();
        add(std::move(value));
    }

    void put(const YAML::Mark & mark, Value::Kind kind, const std::string & text) {
        if (expects_name()) {
            if (kind == Value::Kind::null) throw Refused{refusal(mark, "a name is not a text")};
            Open & object = open_.back();
            if (object.value.member(text) != nullptr)
                throw Refused{refusal(mark, quoted(text) + " stands there twice")};
            object.name = text;
            return;
        }
        count(mark);
        Value value;
        value.kind = kind;
        value.scalar = text;
        value.line = line_of(mark);
        add(std::move(value));
    }

    [[nodiscard]] bool expects_name() const {
        return !open_.empty() && open_.back().value.kind == Value::Kind::object && !open_.back().name;
    }

    void add(Value && value) {
        if (open_.empty()) {
            root_ = std::move(value);
        } else if (open_.back().value.kind == Value::Kind::list) {
            open_.back().value.items.push_back(std::move(value));
        } else {
            open_.back().value.members.push_back({*std::move(open_.back().name), std::move(value)});
            open_.back().name.reset();
        }
    }

    Value root_;
    std::vector<Open> open_;
    unsigned values_ = 0;
};

} // namespace

const Value * Value::member(std::string_view name) const noexcept {
    const auto found =
        std::find_if(members.begin(), members.end(), [&](const auto & each) { return each.name == name; });
    return found == members.end() ? nullptr : &found->value;
}

Expected<Document> parse_document(std::string_view text) {
    if (text.size() > max_bytes) return ParseError{max_bytes, "it has more than 1 MiB"};
    if (text.find('\0') != std::string_view::npos) return ParseError{text.find('\0'), "it holds a NUL"};
    try {
        std::istringstream stream{std::string{text}};
        YAML::Parser parser{stream};
        Builder builder;
        if (!parser.HandleNextDocument(builder)) return ParseError{0, "it is empty"};
        // Not YAML::LoadAll(): on some broken texts it finds one more document for ever.
        Builder more;
        if (parser.HandleNextDocument(more)) return ParseError{0, "it holds more than one document"};
        return Document{std::move(builder).take()};
    } catch (const Refused & refused) {
        return refused.error;
    } catch (const YAML::Exception & error) {
        return refusal(error.mark, error.msg);
    }
}

} // namespace shifter::service
