#include "registry/url.hpp"

#include "base/text.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace shifter::registry {
namespace {

struct FreeHandle {
    void operator()(CURLU * handle) const noexcept { ::curl_url_cleanup(handle); }
};
using Handle = std::unique_ptr<CURLU, FreeHandle>;

Handle make_handle() {
    Handle handle{::curl_url()};
    if (!handle) throw Error{"cannot read a URL: out of memory"};
    return handle;
}

/** A part that is absent is empty. */
std::string part_of(CURLU * handle, CURLUPart what, unsigned flags = 0) {
    char * text = nullptr;
    if (::curl_url_get(handle, what, &text, flags) != CURLUE_OK) return {};
    const std::unique_ptr<char, decltype(&::curl_free)> owner{text, ::curl_free};
    return text;
}

bool has_strange_byte(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

} // namespace

Expected<Url> Url::parse(std::string_view text) { return from({}, text); }

Expected<Url> Url::resolve(std::string_view location) const { return from(text_, location); }

Expected<Url> Url::from(std::string_view base, std::string_view text) {
    constexpr std::size_t max_length = 8192;
    if (text.empty()) return ParseError{0, "a URL is empty"};
    if (text.size() > max_length) return ParseError{max_length, "a URL has more than 8192 bytes"};
    if (has_strange_byte(text)) return ParseError{0, "a URL has a blank or a control character in it"};
    const Handle handle = make_handle();
    if (!base.empty()) (void)::curl_url_set(handle.get(), CURLUPART_URL, std::string{base}.c_str(), 0);
    if (::curl_url_set(handle.get(), CURLUPART_URL, std::string{text}.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK)
        return ParseError{0, shifter::quoted(text) + " is not a URL that can be used"};
    Url url;
    const std::string scheme = part_of(handle.get(), CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https") return ParseError{0, "only http and https URLs are used"};
    url.https_ = scheme == "https";
    url.host_ = text::to_lower(part_of(handle.get(), CURLUPART_HOST));
    if (url.host_.size() > 2 && url.host_.front() == '[') url.host_ = url.host_.substr(1, url.host_.size() - 2);
    const auto port = text::parse_unsigned<std::uint16_t>(part_of(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
    if (url.host_.empty() || !port || *port == 0) return ParseError{0, shifter::quoted(text) + " names no host"};
    url.port_ = *port;
    (void)::curl_url_set(handle.get(), CURLUPART_FRAGMENT, nullptr, 0);
    url.text_ = part_of(handle.get(), CURLUPART_URL);
    return url;
}

Url Url::with_path(std::string_view path) const {
    const Handle handle = make_handle();
    (void)::curl_url_set(handle.get(), CURLUPART_URL, text_.c_str(), 0);
    (void)::curl_url_set(handle.get(), CURLUPART_QUERY, nullptr, 0);
    std::string full = part_of(handle.get(), CURLUPART_PATH);
    while (!full.empty() && full.back() == '/') full.pop_back();
    (void)::curl_url_set(handle.get(), CURLUPART_PATH, (full + std::string{path}).c_str(), 0);
    return parse(part_of(handle.get(), CURLUPART_URL)).value_or_throw("cannot make a URL");
}

Url Url::with_query(std::string_view name, std::string_view value) const {
    const Handle handle = make_handle();
    (void)::curl_url_set(handle.get(), CURLUPART_URL, text_.c_str(), 0);
    const std::string pair = std::string{name} + "=" + std::string{value};
    (void)::curl_url_set(handle.get(), CURLUPART_QUERY, pair.c_str(), CURLU_APPENDQUERY | CURLU_URLENCODE);
    return parse(part_of(handle.get(), CURLUPART_URL)).value_or_throw("cannot make a URL");
}

std::string Url::authority() const {
    std::string text = host_.find(':') == std::string::npos ? host_ : "[" + host_ + "]";
    if (port_ != (https_ ? 443 : 80)) text += ":" + std::to_string(port_);
    return text;
}

} // namespace shifter::registry
