/**
 * @file
 * A key of imagemanager.json: its name, what it takes, and what the manual says of it; and the readers that tables of
 * keys are made of.
 */
#pragma once

#include "base/text.hpp"
#include "service/document.hpp"

#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shifter::service {

/** Why a value was not taken, as the rest of a sentence; nothing when it was. */
using Refusal = std::optional<std::string>;

template <class Target> struct Key {
    std::string_view name;
    std::string_view takes;        ///< "text", "number 1 to 64", …
    std::string_view default_text; ///< as the manual prints it; "required" for keys that must be there
    std::string_view sample;       ///< JSON for etc/imagemanager.json; empty: not in the sample
    std::string_view summary;
    std::function<Refusal(const Value &, Target &)> read; ///< empty: taken and ignored, with `summary` as the reason
};

namespace readers {

/** A member of a member: path(&A::b, &B::c) gives access to a.b.c. */
template <class First> auto path(First first) {
    return [first](auto & target) -> auto & { return target.*first; };
}
template <class First, class... Rest> auto path(First first, Rest... rest) {
    return [ first, next = path(rest...) ](auto & target) -> auto & { return next(target.*first); };
}

[[nodiscard]] Refusal read_text(const Value & value, std::string & text);
[[nodiscard]] Refusal read_flag(const Value & value, bool & flag);
[[nodiscard]] Refusal read_number(const Value & value, std::uint64_t least, std::uint64_t most, std::uint64_t & number);
/** A number of bytes, or a text such as "64K" (powers of 1024). */
[[nodiscard]] Refusal read_size(const Value & value, std::uint64_t least, std::uint64_t most, std::uint64_t & bytes);
/** A list of texts, or one text. */
[[nodiscard]] Refusal read_texts(const Value & value, std::vector<std::string> & texts);

template <class Access> auto text(Access access) {
    return [access](const Value & value, auto & target) { return read_text(value, access(target)); };
}
/** An absolute path, without slashes at its end. */
template <class Access> auto directory(Access access) {
    return [access](const Value & value, auto & target) -> Refusal {
        auto & path = access(target);
        if (auto refusal = read_text(value, path)) return refusal;
        if (path.empty() || path.front() != '/') return "must be an absolute path, not " + quoted(path);
        while (path.size() > 1 && path.back() == '/') path.pop_back();
        return std::nullopt;
    };
}
template <class Access> auto flag(Access access) {
    return [access](const Value & value, auto & target) { return read_flag(value, access(target)); };
}
template <class Access> auto texts(Access access) {
    return [access](const Value & value, auto & target) { return read_texts(value, access(target)); };
}
template <class Access> auto number(Access access, std::uint64_t least, std::uint64_t most) {
    return [=](const Value & value, auto & target) -> Refusal {
        std::uint64_t read = 0;
        if (auto refusal = read_number(value, least, most, read)) return refusal;
        auto & member = access(target);
        member = static_cast<std::remove_reference_t<decltype(member)>>(read);
        return std::nullopt;
    };
}
template <class Access> auto size(Access access, std::uint64_t least, std::uint64_t most) {
    return [=](const Value & value, auto & target) -> Refusal {
        std::uint64_t read = 0;
        if (auto refusal = read_size(value, least, most, read)) return refusal;
        auto & member = access(target);
        member = static_cast<std::remove_reference_t<decltype(member)>>(read);
        return std::nullopt;
    };
}
/** A duration in the member's own unit. */
template <class Access> auto duration(Access access, std::uint64_t least, std::uint64_t most) {
    return [=](const Value & value, auto & target) -> Refusal {
        std::uint64_t read = 0;
        if (auto refusal = read_number(value, least, most, read)) return refusal;
        auto & member = access(target);
        member = std::remove_reference_t<decltype(member)>{read};
        return std::nullopt;
    };
}
template <class Enum> struct Word {
    std::string_view name;
    Enum value;
};
template <class Access, class Enum> auto choice(Access access, std::vector<Word<Enum>> words) {
    return [=](const Value & value, auto & target) -> Refusal {
        std::string word;
        if (auto refusal = read_text(value, word)) return refusal;
        std::string known;
        for (const auto & [name, meaning] : words) {
            if (name == word) {
                access(target) = meaning;
                return std::nullopt;
            }
            known += (known.empty() ? "" : ", ") + std::string{name};
        }
        return quoted(word) + " is none of: " + known;
    };
}

} // namespace readers
} // namespace shifter::service
