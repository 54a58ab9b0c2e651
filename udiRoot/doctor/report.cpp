#include "doctor/report.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <array>

namespace shifter::doctor {
namespace {

constexpr std::size_t status_width = 9;

std::string_view word(Status status) {
    constexpr std::array<std::string_view, 3> words = {"ok", "warning", "FAILED"};
    return words.at(static_cast<std::size_t>(status));
}

std::string padded(std::string_view text, std::size_t width) {
    std::string result{text};
    result.resize(std::max(width, result.size() + 1), ' ');
    return result;
}

std::string json_text(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string result = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            (result += '\\') += c;
        else if (byte < 0x20 || byte == 0x7f)
            ((result += "\\u00") += digits[byte >> 4U]) += digits[byte & 15U];
        else
            result += c;
    }
    return result + "\"";
}

std::string json_word(Status status) {
    return status == Status::failed ? "\"failed\"" : "\"" + std::string{word(status)} + "\"";
}

} // namespace

Status worst(const std::vector<Result> & results) noexcept {
    Status status = Status::ok;
    for (const Result & result : results) status = std::max(status, result.finding.status);
    return status;
}

std::string as_text(const std::vector<Result> & results) {
    std::size_t name_width = 0;
    for (const Result & result : results) name_width = std::max(name_width, result.name.size() + 2);
    std::string text;
    std::array<std::size_t, 3> count{};
    for (const auto & [name, finding] : results) {
        ++count.at(static_cast<std::size_t>(finding.status));
        text +=
            padded(word(finding.status), status_width) + padded(name, name_width) + log::one_line(finding.what) + "\n";
        if (!finding.advice.empty())
            text += std::string(status_width, ' ') + "-> " + log::one_line(finding.advice) + "\n";
    }
    return text + std::to_string(results.size()) + " checks: " + std::to_string(count[0]) + " ok, " +
           std::to_string(count[1]) + (count[1] == 1 ? " warning, " : " warnings, ") + std::to_string(count[2]) +
           " failed\n";
}

std::string as_json(const std::vector<Result> & results) {
    std::string text = "{\"status\": " + json_word(worst(results)) + ", \"checks\": [";
    for (const auto & [name, finding] : results) {
        if (&finding != &results.front().finding) text += ",";
        text += "\n  {\"name\": " + json_text(name) + ", \"status\": " + json_word(finding.status) +
                ", \"what\": " + json_text(finding.what) + ", \"advice\": " + json_text(finding.advice) + "}";
    }
    return text + "\n]}\n";
}

} // namespace shifter::doctor
