/**
 * @file
 * A configuration document as plain values: JSON or YAML in, within limits. yaml-cpp is known to document.cpp alone.
 */
#pragma once

#include "base/expected.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shifter::service {

struct Member;

/** One value of the document, and the line it stands on (from 1). */
struct Value {
    enum class Kind { null, plain, text, list, object };

    Kind kind = Kind::null;
    /** For plain and text. "plain" stood without quotes, so it may be a number, a boolean or a word. */
    std::string scalar;
    std::vector<Value> items;    ///< list
    std::vector<Member> members; ///< object, in the document's order, each name once
    std::size_t line = 0;

    [[nodiscard]] const Value * member(std::string_view name) const noexcept;
};

struct Member {
    std::string name;
    Value value;
};

struct Document {
    Value root;
};

/** At most 1 MiB, 32 levels and 20,000 values; one document; no name twice in one object. `what` names the line. */
[[nodiscard]] Expected<Document> parse_document(std::string_view text);

} // namespace shifter::service
