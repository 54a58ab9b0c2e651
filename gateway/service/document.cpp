#include "service/document.hpp"

#include <algorithm>

#include <yaml-cpp/yaml.h>

namespace shifter::service {
namespace {

constexpr std::size_t max_bytes = 1U << 20U;
constexpr unsigned max_depth = 32;
constexpr unsigned max_values = 20'000;

ParseError refusal(const YAML::Mark & mark, const std::string & what) {
    const std::string place = mark.is_null() ? "" : "line " + std::to_string(mark.line + 1) + ": ";
    return {mark.is_null() ? 0 : static_cast<std::size_t>(mark.pos), place + what};
}

/** Copies yaml-cpp's nodes out. Aliases are counted each time they appear, so a small text cannot become a large tree.
 */
class Copier {
public:
    Expected<Value> copy(const YAML::Node & node, unsigned depth) {
        if (depth > max_depth) return refusal(node.Mark(), "it is nested deeper than 32 levels");
        if (++values_ > max_values) return refusal(node.Mark(), "it holds more than 20000 values");
        Value value;
        if (!node.Mark().is_null()) value.line = static_cast<std::size_t>(node.Mark().line) + 1;
        switch (node.Type()) {
        case YAML::NodeType::Undefined:
        case YAML::NodeType::Null:
            return value;
        case YAML::NodeType::Scalar:
            value.kind = node.Tag() == "?" ? Value::Kind::plain : Value::Kind::text;
            value.scalar = node.Scalar();
            return value;
        case YAML::NodeType::Sequence:
            value.kind = Value::Kind::list;
            for (const YAML::Node & item : node) {
                auto copied = copy(item, depth + 1);
                if (!copied) return copied.error();
                value.items.push_back(*std::move(copied));
            }
            return value;
        case YAML::NodeType::Map:
            break;
        }
        value.kind = Value::Kind::object;
        for (const auto & member : node) {
            if (!member.first.IsScalar()) return refusal(member.first.Mark(), "a name is not a text");
            const std::string & name = member.first.Scalar();
            if (value.member(name) != nullptr)
                return refusal(member.first.Mark(), quoted(name) + " stands there twice");
            auto copied = copy(member.second, depth + 1);
            if (!copied) return copied.error();
            value.members.push_back({name, *std::move(copied)});
        }
        return value;
    }

private:
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
        const std::vector<YAML::Node> documents = YAML::LoadAll(std::string{text});
        if (documents.size() != 1)
            return ParseError{0, documents.empty() ? "it is empty" : "it holds more than one document"};
        auto root = Copier{}.copy(documents.front(), 0);
        if (!root) return root.error();
        return Document{*std::move(root)};
    } catch (const YAML::Exception & error) {
        return refusal(error.mark, error.msg);
    }
}

} // namespace shifter::service
