/**
 * @file
 * Values of the catalog as columns and back. A column that cannot be read is damage, and said to be (R9).
 */
#pragma once

#include "base/error.hpp"
#include "catalog/types.hpp"

namespace shifter::catalog::columns {

[[nodiscard]] inline std::int64_t of(Time time) { return time.time_since_epoch().count(); }
[[nodiscard]] inline Time time_of(std::int64_t value) { return Time{Time::duration{value}}; }
[[nodiscard]] inline std::int64_t of(std::uint64_t size) { return static_cast<std::int64_t>(size); }
[[nodiscard]] inline std::string of(ImageType type) { return std::string{to_string(type)}; }
[[nodiscard]] inline std::string of(State state) { return std::string{to_string(state)}; }

template <class Value> [[nodiscard]] Value undamaged(std::optional<Value> value, const char * what) {
    if (!value) throw Error{std::string{"the catalog is damaged: "} + what + " cannot be read"};
    return *std::move(value);
}
[[nodiscard]] inline ImageType type_of(const std::string & text) {
    return undamaged(image_type_named(text), "the type of an image");
}
[[nodiscard]] inline State state_of(const std::string & text) {
    return undamaged(state_named(text), "the state of a pull");
}
[[nodiscard]] inline ImageId id_of(const std::string & text) {
    return ImageId::parse(text).value_or_throw("the catalog is damaged: the id of an image cannot be read");
}

} // namespace shifter::catalog::columns
