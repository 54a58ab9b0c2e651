#include "oci/json_limits.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace shifter::oci {
namespace {

using Json = nlohmann::json;

/** Hears the text's events and keeps nothing but the names of the open objects. Returning false ends the reading. */
class LimitScanner : public nlohmann::json_sax<Json> {
public:
    explicit LimitScanner(const DocumentLimits & limits) : limits_{limits} {}
    [[nodiscard]] const std::optional<ParseError> & refusal() const noexcept { return refusal_; }

    bool null() override { return count(); }
    bool boolean(bool) override { return count(); }
    bool number_integer(number_integer_t) override { return count(); }
    bool number_unsigned(number_unsigned_t) override { return count(); }
    bool number_float(number_float_t, const string_t &) override { return count(); }
    bool binary(binary_t &) override { return refuse("it is not JSON"); }
    bool string(string_t & text) override { return count() && is_short(text); }
    bool key(string_t & name) override {
        if (!is_short(name)) return false;
        return names_.back().insert(name).second || refuse("it has the name " + shifter::quoted(name) + " twice");
    }
    bool start_object(std::size_t) override { return open(); }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t position, const std::string &, const nlohmann::detail::exception &) override {
        refusal_ = ParseError{position, "it is not JSON (byte " + std::to_string(position) + ")"};
        return false;
    }

private:
    bool refuse(std::string what) {
        refusal_ = ParseError{0, std::move(what)};
        return false;
    }
    bool count() {
        if (++values_ <= limits_.max_values) return true;
        return refuse("it has more than " + std::to_string(limits_.max_values) + " values");
    }
    bool is_short(const std::string & text) {
        if (text.size() <= limits_.max_string_bytes) return true;
        return refuse("a text in it is longer than " + std::to_string(limits_.max_string_bytes) + " bytes");
    }
    bool open() {
        names_.emplace_back();
        if (names_.size() <= limits_.max_depth) return count();
        return refuse("it is nested more than " + std::to_string(limits_.max_depth) + " levels deep");
    }
    bool close() {
        names_.pop_back();
        return true;
    }

    DocumentLimits limits_;
    std::size_t values_ = 0;
    std::vector<std::unordered_set<std::string>> names_;
    std::optional<ParseError> refusal_;
};

} // namespace

std::optional<ParseError> refuse_json(std::string_view json, const DocumentLimits & limits) {
    if (json.size() > limits.max_bytes)
        return ParseError{limits.max_bytes, "it is longer than " + std::to_string(limits.max_bytes) + " bytes"};
    LimitScanner scanner{limits};
    (void)Json::sax_parse(json.begin(), json.end(), &scanner); // its answer is refusal()'s
    return scanner.refusal();
}

} // namespace shifter::oci
