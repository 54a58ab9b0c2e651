/**
 * @file
 * An http(s) URL, read by the parser that also makes the connection (libcurl's), so that no two readers of one text
 * can disagree about its host. RFC 3986.
 */
#pragma once

#include "base/expected.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace shifter::registry {

class Url {
public:
    /** Absolute, scheme http or https, no user or password, at most 8192 bytes; a fragment is dropped. */
    [[nodiscard]] static Expected<Url> parse(std::string_view text);
    /** What `location` means beside this URL: an absolute URL, or a path. The same rules hold. */
    [[nodiscard]] Expected<Url> resolve(std::string_view location) const;
    /** This URL with `path` (which begins with a slash) after its own, and nothing of a query. */
    [[nodiscard]] Url with_path(std::string_view path) const;
    /** This URL with one more `name=value`; `value` is encoded as in a form, as Docker does. */
    [[nodiscard]] Url with_query(std::string_view name, std::string_view value) const;

    [[nodiscard]] const std::string & to_string() const noexcept { return text_; }
    /** Lower-case name or address; an IPv6 address without its brackets. */
    [[nodiscard]] const std::string & host() const noexcept { return host_; }
    [[nodiscard]] bool is_https() const noexcept { return https_; }
    /** For messages: host, and ":port" where it is not the scheme's own. */
    [[nodiscard]] std::string authority() const;
    /** The rule for who may see a credential: scheme, host and port are equal. */
    [[nodiscard]] bool same_origin(const Url & other) const noexcept {
        return https_ == other.https_ && host_ == other.host_ && port_ == other.port_;
    }
    bool operator==(const Url &) const = default;

private:
    Url() = default;
    [[nodiscard]] static Expected<Url> from(std::string_view base, std::string_view text);

    std::string text_;
    std::string host_;
    std::uint16_t port_ = 0;
    bool https_ = false;
};

} // namespace shifter::registry
