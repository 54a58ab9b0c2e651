// Addresses of servers, as people may see them.
#include "postgres/postgres.hpp"

namespace shifter::postgres {

namespace {

constexpr std::string_view schemes[] = {"postgresql://", "postgres://"};
constexpr std::string_view parameter = "password=";

std::size_t scheme_bytes(std::string_view address) noexcept {
    for (const std::string_view scheme : schemes)
        if (address.substr(0, scheme.size()) == scheme) return scheme.size();
    return 0;
}

} // namespace

bool is_address(const std::string & database) noexcept { return scheme_bytes(database) != 0; }

std::string without_password(const std::string & address) {
    std::string text = address;
    const std::size_t begin = scheme_bytes(text);
    const std::size_t end = std::min(text.find_first_of("/?", begin), text.size());
    const std::size_t host = text.substr(0, end).rfind('@');
    if (host != std::string::npos && host >= begin) {
        const std::size_t colon = text.find(':', begin);
        if (colon < host) text.erase(colon, host - colon);
    }
    for (std::size_t at = text.find('?'); (at = text.find(parameter, at)) != std::string::npos;) {
        const std::size_t value = at + parameter.size();
        text.erase(value, std::min(text.find('&', value), text.size()) - value);
        at = value;
    }
    return text;
}

} // namespace shifter::postgres
