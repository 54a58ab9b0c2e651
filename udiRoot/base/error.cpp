#include "base/error.hpp"

#include <array>
#include <cstring>

namespace shifter {

SysError::SysError(int error_number, const std::string & sentence, const char * file, int line)
    : Error{sentence + ": " + describe_errno(error_number)}, error_number_{error_number}, file_{file}, line_{line} {}

std::string describe_errno(int error_number) {
    // strerrordesc_np is thread-safe, takes no locale, and allocates nothing; unknown numbers give null.
    const char * const text = ::strerrordesc_np(error_number);
    return text != nullptr ? std::string{text} : "error " + std::to_string(error_number);
}

std::string quoted(std::string_view text) {
    constexpr std::size_t max_shown = 512;
    constexpr std::string_view hex = "0123456789abcdef";
    std::string result = "\"";
    for (const char c : text.substr(0, max_shown)) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            result += "\\x";
            result += hex[byte >> 4U];
            result += hex[byte & 0xfU];
        } else {
            result += c;
        }
    }
    result += text.size() > max_shown ? "…\"" : "\"";
    return result;
}

} // namespace shifter
