#include "service/key.hpp"

namespace shifter::service::readers {
namespace {

std::string kind_of(const Value & value) {
    switch (value.kind) {
    case Value::Kind::null:
        return "nothing";
    case Value::Kind::plain:
        return value.scalar.substr(0, 100);
    case Value::Kind::text:
        return quoted(value.scalar);
    case Value::Kind::list:
        return "a list";
    case Value::Kind::object:
        return "an object";
    }
    return "something else";
}

Refusal wrong(const Value & value, const std::string & wanted) {
    return "must be " + wanted + ", not " + kind_of(value);
}

std::string range(std::uint64_t least, std::uint64_t most) {
    return "from " + std::to_string(least) + " to " + std::to_string(most);
}

} // namespace

Refusal read_text(const Value & value, std::string & text) {
    if (value.kind != Value::Kind::text && value.kind != Value::Kind::plain) return wrong(value, "a text");
    for (const char c : value.scalar)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "must not hold control characters";
    text = value.scalar;
    return std::nullopt;
}

Refusal read_flag(const Value & value, bool & flag) {
    if (value.kind != Value::Kind::plain || (value.scalar != "true" && value.scalar != "false"))
        return wrong(value, "true or false");
    flag = value.scalar == "true";
    return std::nullopt;
}

Refusal read_number(const Value & value, std::uint64_t least, std::uint64_t most, std::uint64_t & number) {
    const auto parsed =
        value.kind == Value::Kind::plain ? text::parse_unsigned<std::uint64_t>(value.scalar) : std::nullopt;
    if (!parsed || *parsed < least || *parsed > most) return wrong(value, "a number " + range(least, most));
    number = *parsed;
    return std::nullopt;
}

Refusal read_size(const Value & value, std::uint64_t least, std::uint64_t most, std::uint64_t & bytes) {
    const bool scalar = value.kind == Value::Kind::plain || value.kind == Value::Kind::text;
    const auto parsed = scalar ? text::parse_size(value.scalar) : std::nullopt;
    if (!parsed || *parsed < least || *parsed > most)
        return wrong(value, "a size such as 64K, " + range(least, most) + " bytes");
    bytes = *parsed;
    return std::nullopt;
}

Refusal read_texts(const Value & value, std::vector<std::string> & texts) {
    texts.clear();
    if (value.kind == Value::Kind::null) return std::nullopt;
    if (value.kind != Value::Kind::list) return read_text(value, texts.emplace_back());
    for (const Value & item : value.items)
        if (auto refusal = read_text(item, texts.emplace_back())) return refusal;
    return std::nullopt;
}

} // namespace shifter::service::readers
