/**
 * @file
 * Readers of single values for the table of keys: each binds a member to the grammar of its type (contract 3.2).
 */
#pragma once

#include "base/text.hpp"
#include "site/site_config_keys.hpp"

#include <algorithm>
#include <type_traits>

namespace shifter::setters {

using Refusal = std::optional<std::string>;

[[nodiscard]] Refusal read_path(std::string & path, std::string_view value);
[[nodiscard]] Refusal read_boolean(bool & flag, std::string_view value);
[[nodiscard]] Refusal read_assignments(std::vector<std::pair<std::string, std::string>> & list, std::string_view value);
[[nodiscard]] Refusal read_names(std::vector<std::string> & list, std::string_view value);
[[nodiscard]] Refusal read_volumes(std::vector<Volume> & volumes, std::string_view value);
/** Blank-separated absolute paths; "/" is one. */
[[nodiscard]] Refusal read_directories(std::vector<std::string> & list, std::string_view value);
[[nodiscard]] Refusal read_urls(std::vector<std::string> & urls, std::string_view value);

/** What `read` makes of the value; the default of a new Target when there is none (H3-4). */
template <class Target, class Value, class Read> Setter<Target> scalar(Value Target::*member, Read read) {
    return [member, read](Target & target, std::string_view value) -> Refusal {
        if (!value.empty()) return read(target.*member, value);
        target.*member = Target{}.*member;
        return std::nullopt;
    };
}

template <class Target> Setter<Target> path(std::string Target::*member) { return scalar(member, read_path); }
template <class Target> Setter<Target> boolean(bool Target::*member) { return scalar(member, read_boolean); }

/** A whole number within bounds; `Value` is an unsigned type, or seconds. */
template <class Target, class Value> Setter<Target> number(Value Target::*member, unsigned least, unsigned most) {
    return scalar(member, [least, most](Value & target, std::string_view value) -> Refusal {
        const auto read = text::parse_unsigned<unsigned>(value);
        if (!read || *read < least || *read > most)
            return quoted(value) + " is not a number from " + std::to_string(least) + " to " + std::to_string(most);
        target = Value{*read};
        return std::nullopt;
    });
}

template <class Value> struct Choice {
    std::string_view word;
    Value value;
};

/** One of a few words. */
template <class Target, class Value>
Setter<Target> choice(Value Target::*member, std::vector<Choice<std::type_identity_t<Value>>> choices) {
    return scalar(member, [choices](Value & target, std::string_view value) -> Refusal {
        const auto found =
            std::find_if(choices.begin(), choices.end(), [&](const auto & c) { return c.word == value; });
        if (found != choices.end()) {
            target = found->value;
            return std::nullopt;
        }
        std::string known;
        for (const auto & c : choices) (known += known.empty() ? "" : ", ") += c.word;
        return quoted(value) + " is none of: " + known;
    });
}

/** A list whose lines add up. */
template <class Target, class List>
Setter<Target> accumulated(List Target::*member, Refusal (*read)(List &, std::string_view)) {
    return [member, read](Target & target, std::string_view value) { return read(target.*member, value); };
}

/** A list of which the last line counts. */
template <class Target, class List>
Setter<Target> replaced(List Target::*member, Refusal (*read)(List &, std::string_view)) {
    return [member, read](Target & target, std::string_view value) {
        (target.*member).clear();
        return read(target.*member, value);
    };
}

/** A list of the environment: global ones add up, those of modules are replaced (contract 3.2). */
template <class Target, class List>
Setter<Target> environment(List EnvironmentEdit::*member, Refusal (*read)(List &, std::string_view)) {
    return [member, read](Target & target, std::string_view value) {
        List & list = target.environment.*member;
        if constexpr (std::is_same_v<Target, Module>) list.clear();
        return read(list, value);
    };
}

} // namespace shifter::setters
